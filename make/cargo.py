"""Finds a cargo that can build the engine, and runs it with what every build needs.

``python -m make.cargo ARGS..`` is that cargo. Where there is none it says so in one line, and its status is 69.

The environment variable ``MOTIA_RUST`` decides: unset, Rust is built where cargo is; "no" does without it, and "yes"
makes a failure of its absence.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: `EX_UNAVAILABLE` of sysexits.h.
NO_CARGO = 69


class NoCargo(Exception):
    """No cargo here can build the engine; the message, of one line, says why."""


def find() -> Path:
    """The first cargo that is new enough: on PATH, in $CARGO_HOME/bin, in ~/.cargo/bin.

    Raises `NoCargo`.
    """
    if os.environ.get("MOTIA_RUST") == "no":
        raise NoCargo("MOTIA_RUST=no")
    unfit = ""
    for cargo in candidates():
        why = flaw(cargo)
        if not why:
            return cargo
        unfit = unfit or why
    raise NoCargo(unfit or "no cargo on PATH, in $CARGO_HOME/bin or in ~/.cargo/bin")


def required() -> bool:
    """Whether to do without Rust is a failure."""
    return os.environ.get("MOTIA_RUST") == "yes"


def candidates() -> list[Path]:
    """Every cargo that there is, the most wanted one first."""
    homes = [os.environ.get("CARGO_HOME"), str(Path("~/.cargo").expanduser())]
    paths = [os.environ.get("PATH", os.defpath), *(f"{home}/bin" for home in homes if home)]
    found = [shutil.which("cargo", path=path) for path in paths]
    return [Path(cargo) for cargo in dict.fromkeys(found) if cargo]


def flaw(cargo: Path) -> str:
    """Why this cargo will not do; empty if it will."""
    asked = subprocess.run(
        [cargo, "--version"], cwd=ROOT, env=environment(cargo), capture_output=True, text=True, check=False
    )
    version = re.match(r"cargo (\d+)\.(\d+)\.", asked.stdout)
    if asked.returncode or not version:
        said = (asked.stderr or asked.stdout).strip().splitlines() or ["it says nothing"]
        return f"{cargo} does not run: {said[0]}"
    needed = needed_rust()
    if (int(version[1]), int(version[2])) < needed:
        return f"{cargo} is {asked.stdout.split()[1]}, {needed[0]}.{needed[1]} or newer is needed (`rustup update`)"
    return ""


def needed_rust() -> tuple[int, int]:
    """The oldest Rust that compiles the workspace, as Cargo.toml says."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]
    major, minor = str(workspace["package"]["rust-version"]).split(".")[:2]
    return int(major), int(minor)


def environment(cargo: Path, python: str = sys.executable) -> dict[str, str]:
    """What cargo needs to be told to build for this Python; rustc is looked for beside cargo first.

    The real path of the interpreter, which has its version in its name: a .venv that is made anew with another Python
    keeps its own path, and pyo3 would go on building for the one before.
    """
    path = os.pathsep.join([str(cargo.parent), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "PYO3_PYTHON": os.path.realpath(python)}


def suffix() -> str:
    """How the file of an extension ends for this Python, as ".cpython-311-x86_64-linux-gnu.so"."""
    return str(sysconfig.get_config_var("EXT_SUFFIX"))


def main() -> None:
    """Becomes cargo."""
    try:
        cargo = find()
    except NoCargo as why:
        print(why, file=sys.stderr)
        sys.exit(NO_CARGO)
    os.chdir(ROOT)
    os.execve(cargo, [str(cargo), *sys.argv[1:]], environment(cargo))  # noqa: S606 -- becomes that process


if __name__ == "__main__":
    main()
