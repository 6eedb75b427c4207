"""Builds the extension `motia_fast._core` into the source tree: what `make run` and `make test` start with.

``python -m make.extension`` builds it with the checks of the dev profile, ``--release`` as a wheel has it. Where there
is no cargo it says in one line that the pure engine has to do, and removes what an earlier build has left: an import of
`motia_fast._core` finds what the sources say, or nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from make.cargo import ROOT, NoCargo, environment, find, required, suffix

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACE = ROOT / "python" / "motia_fast" / f"_core{suffix()}"
LOG = ROOT / "target" / "extension.log"

#: cargo says these when there is nothing to do, too.
QUIET = ("    Finished ", "    Blocking ")


class BuildFailed(Exception):
    """cargo is there, and the extension does not build; the message says where to read why."""


def build(cargo: Path, profile: str) -> Path:
    """Builds the extension for the running Python, and returns the library that cargo made.

    Shows what cargo says once there is something to compile, and writes it to `LOG`. Raises `BuildFailed`.
    """
    command = [str(cargo), "build", "--package=motia-py", f"--profile={profile}", "--locked"]
    if profile == "dev":
        command.append("--features=faults")  # the store that tests command
    LOG.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as messages:
        running = subprocess.Popen(
            [*command, "--message-format=json-render-diagnostics"],
            cwd=ROOT,
            env=environment(cargo),
            stdout=messages,
            stderr=subprocess.PIPE,
            text=True,
        )
        with running:
            show(running.stderr or (), profile)
        if running.returncode != 0:
            raise BuildFailed(
                f"the Rust engine does not build. {LOG} has what cargo said.\n"
                "      MOTIA_RUST=no does without it: the pure engine keeps the same promises."
            )
        messages.seek(0)
        return library(messages)


def show(said: Iterable[str], profile: str) -> None:
    """Logs what cargo says, and passes it on from the first line that is of interest."""
    shown = False
    with LOG.open("w", encoding="utf-8") as log:
        for line in said:
            log.write(line)
            if not shown and not line.startswith(QUIET):
                shown = True
                print(
                    f"==> build the Rust engine, profile {profile} (minutes the first time, then seconds)", flush=True
                )
            if shown:
                print(line, end="", file=sys.stderr, flush=True)


def library(messages: IO[str]) -> Path:
    """The file of the extension among what cargo made."""
    for message in map(json.loads, messages):
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "_core":
            return Path(message["filenames"][0])
    raise BuildFailed('cargo made no library of the name "_core": see [lib] in rust/py/Cargo.toml')


def place(made: Path) -> None:
    """Copies the library into the package, unless it is there; a process that has the old one loaded keeps it."""
    if PLACE.exists() and stamp(PLACE) == stamp(made):
        return
    new = PLACE.with_name(f".{os.getpid()}{PLACE.name}")
    shutil.copy2(made, new)
    new.replace(PLACE)


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of a file: a copy has those of what it was made from."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def main() -> None:
    """Builds and places, or says that the pure engine has to do."""
    parser = argparse.ArgumentParser(prog="make.extension")
    parser.add_argument("--release", action="store_const", const="release", default="dev", dest="profile")
    profile = parser.parse_args().profile
    try:
        place(build(find(), profile))
    except NoCargo as why:
        if required():
            sys.exit(f"make: MOTIA_RUST=yes, but {why}")
        PLACE.unlink(missing_ok=True)
        print(f"==> go on with the pure engine, without Rust: {why}", flush=True)
    except BuildFailed as error:
        sys.exit(f"make: {error}")


if __name__ == "__main__":
    main()
