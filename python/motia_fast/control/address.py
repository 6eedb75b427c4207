"""Where the control socket of a data directory is: ``DIR/control.sock``, or where ``DIR/control.path`` says.

The address of a Unix socket has room for 107 bytes on Linux and 103 on macOS. A longer path is replaced by a short one
in a directory of our own (mode 0700) under the system's temporary directory, whose path ``DIR/control.path`` holds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from motia_fast.errors import ControlError

SOCKET = "control.sock"
POINTER = "control.path"
#: Bytes of a path that every system takes.
LONGEST = 100
#: Connections that wait to be accepted.
BACKLOG = 128

#: Where a socket is bound before it is renamed to its place; as ``/.control/s`` no longer than ``/control.sock``.
_ROOM = ".control"
_TEMPORARY = "motia-fast-"


def address_of(data_dir: Path) -> Path:
    """Where a client connects; nothing may be listening there, or be there at all."""
    try:
        return Path((data_dir / POINTER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return _absolute(data_dir) / SOCKET


def listen(data_dir: Path) -> tuple[socket.socket, Path]:
    """Listens on the directory's control socket, in place of one that a killed process left.

    Call it only while holding the directory's lock. Returns the socket and its path. Raises `ControlError`.
    """
    try:
        withdraw(data_dir)
        direct = _absolute(data_dir) / SOCKET
        return _listen_in_place(direct) if _fits(direct) else _listen_elsewhere(data_dir)
    except OSError as error:
        raise ControlError(f"cannot listen on the control socket of {data_dir}: {error}") from error


def withdraw(data_dir: Path) -> None:
    """Removes the directory's control socket, and all that belongs to it."""
    pointer = data_dir / POINTER
    if pointer.exists():
        _remove_temporary(address_of(data_dir).parent)
    pointer.unlink(missing_ok=True)
    (data_dir / SOCKET).unlink(missing_ok=True)
    if _is_ours(data_dir / _ROOM):
        shutil.rmtree(data_dir / _ROOM)


def _listen_in_place(path: Path) -> tuple[socket.socket, Path]:
    # The umask belongs to the whole process, so it cannot be changed for a moment. Bound in a room that nobody else may
    # enter, the socket has its mode, and listens, before it appears under the name that clients know.
    room = path.parent / _ROOM
    room.mkdir(mode=0o700)
    listener = _bind(room / "s")
    (room / "s").rename(path)
    room.rmdir()
    return listener, path


def _listen_elsewhere(data_dir: Path) -> tuple[socket.socket, Path]:
    room = _temporary_room()
    path = room / SOCKET
    try:
        listener = _bind(path)
    except OSError:
        _remove_temporary(room)
        raise
    _write_pointer(data_dir, path)
    return listener, path


def _temporary_room() -> Path:
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 -- mkdtemp makes a new directory of mode 0700
        room = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent))
        if _fits(room / SOCKET):
            return room
        room.rmdir()
    raise OSError(f"its path is over {LONGEST} bytes, and so is every path in {tempfile.gettempdir()} (TMPDIR)")


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)  # noqa: FBT003 -- its only spelling
        listener.bind(os.fspath(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _write_pointer(data_dir: Path, path: Path) -> None:
    new = data_dir / f"{POINTER}.new"
    new.write_text(os.fspath(path), encoding="utf-8")
    new.replace(data_dir / POINTER)


def _remove_temporary(room: Path) -> None:
    # What the pointer names is deleted only if it is what `_temporary_room` makes, whoever wrote the pointer.
    if room.name.startswith(_TEMPORARY) and _is_ours(room):
        (room / SOCKET).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody put something there: it stays, and so does the directory
            room.rmdir()


def _is_ours(room: Path) -> bool:
    try:
        found = room.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _absolute(data_dir: Path) -> Path:
    return Path(os.path.abspath(data_dir))  # noqa: PTH100 -- resolve() would follow links, to a longer path perhaps


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST
