"""Builds what a release is, into dist/, and tries each wheel in an empty virtual environment: `make wheel`.

``python -m make.wheels [PYTHON ..]`` makes an sdist, a `py3-none-any` wheel with the pure engine from that sdist, and a
wheel with both engines for each Python; without an argument for the running one. Without cargo it makes the first two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from itertools import zip_longest
from pathlib import Path

from make.cargo import ROOT, NoCargo, environment, find, required

DIST = ROOT / "dist"


def main() -> None:
    """Builds, compares and tries."""
    pythons = sys.argv[1:] or [sys.executable]
    shutil.rmtree(DIST, ignore_errors=True)
    pure = pure_wheel()
    wheels = [(pure, pythons[0]), *((native_wheel(cargo, python), python) for cargo in cargos() for python in pythons)]
    for wheel, _ in wheels[1:]:
        compare(pure, wheel)
    for wheel, python in wheels:
        attempt(wheel, python)
    print(
        "==> in dist/:",
        *sorted(f"{path.name} ({path.stat().st_size / 1e6:.1f} MB)" for path in DIST.iterdir()),
        sep="\n    ",
    )


def cargos() -> list[Path]:
    """The cargo to build with, if there is one."""
    try:
        return [find()]
    except NoCargo as why:
        if required():
            sys.exit(f"make: MOTIA_RUST=yes, but {why}")
        print(f"==> no wheel with the Rust engine: {why}", flush=True)
        return []


def pure_wheel() -> Path:
    """Makes the sdist, and from it the wheel that needs no cargo."""
    return built([sys.executable, "-m", "build", f"--outdir={DIST}"], os.environ | {"MOTIA_RUST": "no"})


def native_wheel(cargo: Path, python: str) -> Path:
    """Makes the wheel for one Python. maturin finds the oldest Linux that it runs on, and says so in its name."""
    exact = run([python, "-c", "import os, sys; print(os.path.realpath(sys.executable))"]).strip()
    maturin = [
        sys.executable,
        "-m",
        "maturin",
        "build",
        "--release",
        "--locked",
        f"--out={DIST}",
        f"--interpreter={exact}",
    ]
    return built(maturin, environment(cargo, exact))


def built(command: list[str], env: dict[str, str]) -> Path:
    """Runs what builds one wheel, and returns that."""
    before = set(DIST.glob("*.whl"))
    print("==>", *(word.replace(f"{ROOT}/", "") for word in command), flush=True)
    if subprocess.run(command, cwd=ROOT, env=env, check=False).returncode:
        sys.exit(f"make: {command[2]} could not build the wheel, see above")
    (wheel,) = set(DIST.glob("*.whl")) - before
    return wheel


def compare(one: Path, other: Path) -> None:
    """Two builders read one pyproject.toml: what they tell an installer has to be the same."""
    for name in ("METADATA", "entry_points.txt"):
        lines = [told(wheel, name) for wheel in (one, other)]
        if lines[0] != lines[1]:
            differ = [f"    {a}   |   {b}" for a, b in zip_longest(*lines) if a != b]
            sys.exit("\n".join([f"make: {one.name} and {other.name} differ in {name}:", *differ]))


def told(wheel: Path, name: str) -> list[str]:
    """The lines of a file of metadata that an installer acts on, in an order of their own."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (path for path in archive.namelist() if path.endswith(f".dist-info/{name}"))
        content = archive.read(path)
    if name != "METADATA":
        return sorted(line.replace(" ", "") for line in content.decode().splitlines() if line)
    return sorted(f"{key}: {plain(value)}" for key, value in message_from_bytes(content).items() if key not in FORM)


#: Each builder has the version of the standard that it knows, and spells keywords and the readme's type in its way.
FORM = {"Metadata-Version", "Keywords", "Description-Content-Type"}


def plain(value: str) -> str:
    """A requirement as one builder or the other spells it."""
    return value.replace(" ", "").replace('"', "'").replace("(", "").replace(")", "")


def attempt(wheel: Path, python: str) -> None:
    """Installs a wheel where nothing else is, and runs an application on each engine that it has."""
    print(f"==> try {wheel.name} in an empty environment", flush=True)
    engines = ["pure"] if wheel.name.endswith("-none-any.whl") else ["pure", "rust"]
    with tempfile.TemporaryDirectory() as room:
        inside = Path(room) / "venv" / "bin"
        run([python, "-m", "venv", str(inside.parent)])
        run([str(inside / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", str(wheel)])
        run([str(inside / "motia-fast"), "--help"], room)
        shutil.copy(ROOT / "make" / "trial.py", room)
        print(run([str(inside / "python"), "trial.py", *engines], room), end="", flush=True)


def run(command: list[str], folder: str | None = None) -> str:
    """What a command prints; when it fails, that is what `make wheel` ends with."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"make: failed: {' '.join(command)}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
