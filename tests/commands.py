"""``motia-fast`` commands without their start-up: one process imports the program, and forks a child for each command.

Importing takes 0.5 s, and a test of the command line wants ten of them. A child is otherwise as a process that was
started: its arguments, directory, environment, standard streams and exit code are its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import motia_fast

#: What runs the program under test from this tree; a warning in it is an error.
PYTHON = [sys.executable, "-W", "error"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(motia_fast.__file__).parents[1]), "TZ": "UTC"}

_SERVE = """
import json, os, sys, traceback
from motia_fast.cli import main

def child(asked):
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        flags = os.O_RDONLY if fd == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(asked[name], flags, 0o600), fd)
    sys.path[:0] = [""]
    sys.argv = ["motia-fast", *asked["arguments"]]
    try:
        main()
        return 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os._exit(child(json.loads(line)))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Done(NamedTuple):
    """A command that ended."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands, one after the other."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._process = subprocess.Popen(
            [*PYTHON, "-c", _SERVE],
            env=ENVIRONMENT,
            cwd=scratch,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, cwd: Path, stdin: str = "", environment: dict[str, str] | None = None) -> Done:
        """Runs one command to its end."""
        files = {name: self._scratch / name for name in ("stdin", "stdout", "stderr")}
        files["stdin"].write_text(stdin)
        asked: dict[str, Any] = {"arguments": arguments, "cwd": str(cwd)}
        asked |= {name: str(path) for name, path in files.items()}
        asked["environment"] = ENVIRONMENT | (environment or {})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Done(code, files["stdout"].read_text(), files["stderr"].read_text())

    def close(self) -> None:
        """Ends the process behind it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
