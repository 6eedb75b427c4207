"""``--reload``: a parent that watches the application's folder, and a child that runs it and is restarted.

The parent never imports the application, so nothing of it has to be unloaded; it holds no data directory and no port.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from motia_fast.errors import MotiaError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

#: Set for the child: the number of a descriptor that reads as ended when the parent is gone.
CHILD = "MOTIA_FAST_RELOAD_CHILD"
#: Seconds that the child's handlers have to finish at a restart.
GRACE = 1.0
#: Seconds after which a child that does not end is killed.
KILL_AFTER = 10.0
#: Milliseconds between two looks at whether the child still runs.
LOOK = 500
#: What starts a restart when it changes. JSON is not among them: programs write it.
SUFFIXES = (".py", ".toml", ".yaml", ".yml", ".env")


def parent_pipe() -> int | None:
    """In a child: the descriptor that reads as ended when its parent is gone. None in any other process."""
    fd = os.environ.get(CHILD)
    return int(fd) if fd else None


def supervise(folder: Path, command: Sequence[str], tell: Callable[[str], None]) -> int:
    """Runs `command`, and again after each change in `folder`, until this process gets SIGINT or SIGTERM.

    A child that ended by itself, because of a mistake in a step, is started again at the next change. Returns the exit
    code of the last one. Raises `MotiaError` where watchfiles is not installed.
    """
    watchfiles = _watchfiles()
    stop = threading.Event()
    with _signals(stop), _Child(command) as child:
        tell(f"watching {folder}")
        for changes in watchfiles.watch(
            folder, stop_event=stop, watch_filter=_wanted(watchfiles), rust_timeout=LOOK, yield_on_timeout=True
        ):
            if changes:
                tell(f"{_named(changes, folder)} changed, restarting")
                child.restart()
            elif child.ended_by_itself():
                tell(f"the application ended (exit code {child.code}); it starts again when a file changes")
        return child.end()


class _Child:
    """The process that runs the application."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._told = False
        self._read_fd, self._write_fd = os.pipe()
        self.code = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        os.close(self._read_fd)
        os.close(self._write_fd)

    def start(self) -> None:
        environment = os.environ | {CHILD: str(self._read_fd)}
        self._process = subprocess.Popen(self._command, env=environment, pass_fds=[self._read_fd])  # noqa: S603 -- our own command line
        self._told = False

    def restart(self) -> None:
        self.end()
        self.start()

    def end(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return self.code
        process.terminate()
        try:
            self.code = process.wait(KILL_AFTER)
        except subprocess.TimeoutExpired:
            process.kill()
            self.code = process.wait()
        return self.code

    def ended_by_itself(self) -> bool:
        """Once for each end."""
        if self._told or self._process is None or self._process.poll() is None:
            return False
        self._told = True
        self.code = self._process.returncode
        return True


@contextmanager
def _signals(stop: threading.Event) -> Generator[None]:
    def handle(signum: int, _frame: object) -> None:
        if stop.is_set():  # the second one: do not wait for the child, which sees that its parent is gone
            os._exit(128 + signum)
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watchfiles() -> Any:
    try:
        import watchfiles  # noqa: PLC0415 -- an extra
    except ImportError:
        raise MotiaError("--reload needs watchfiles; install it: pip install motia-fast[reload]") from None
    return watchfiles


def _wanted(watchfiles: Any) -> Callable[[Any, str], bool]:
    default = watchfiles.DefaultFilter()

    def wanted(change: Any, path: str) -> bool:
        return path.endswith(SUFFIXES) and default(change, path)

    return wanted


def _named(changes: set[tuple[Any, str]], folder: Path) -> str:
    paths = sorted(os.path.relpath(path, folder) for _, path in changes)
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def own_command() -> list[str]:
    """The command line that started this process, to be run again."""
    return [sys.executable, *sys.orig_argv[1:]]
