"""The data directory: made, checked and locked before anything in it is read.

``DIR/lock`` is held by `flock` for as long as the engine is open, and says who holds it. A forked child closes its copy
of the descriptor: unlocking there would drop the parent's lock, and keeping it would block a restart for as long as an
orphaned child lives.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from pathlib import Path
from typing import Any

import orjson

from motia_fast.errors import DataDirLocked, DataDirUnusable

log = logging.getLogger("motia_fast.engine")

#: What to do about a directory that cannot be used.
ANOTHER = "use another directory (--data-dir, MOTIA_FAST_DATA_DIR)"
REMEDY = f"give this user write access to it, or {ANOTHER}"

#: File systems on which `flock` or shared memory does not hold what SQLite's WAL needs.
REFUSED = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "afs", "ceph", "glusterfs"})
#: File systems that forget: what is on them does not outlive the machine, or the container.
FORGETFUL = frozenset({"tmpfs", "ramfs", "overlay"})


class DataDirectory:
    """A locked data directory."""

    def __init__(self, path: Path, lock_wait: float) -> None:
        """Makes the directory where it is missing, and takes its lock.

        Raises `DataDirUnusable`, or `DataDirLocked` once `lock_wait` seconds are over.
        """
        self.path = path
        _make(path)
        _check_file_system(path)
        self._fd = _lock(path, lock_wait)
        try:
            self.sign(None)
        except OSError as error:
            self.release()
            raise DataDirUnusable(f"cannot write in the data directory {path}: {error.strerror}; {REMEDY}") from error

    def sign(self, boot: int | None) -> None:
        """Writes who holds the lock."""
        holder = orjson.dumps({"pid": os.getpid(), "boot": boot, "since": time.strftime("%Y-%m-%dT%H:%M:%S%z")})
        os.pwrite(self._fd, holder.ljust(200) + b"\n", 0)

    def release(self) -> None:
        """Lets go of the directory. In a forked child this leaves the parent's lock as it is."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _make(path: Path) -> None:
    try:
        if not path.exists():
            path.mkdir(mode=0o700, parents=True)
            (path / ".gitignore").write_text("*\n")
    except OSError as error:
        raise DataDirUnusable(f"cannot make the data directory {path}: {error.strerror}; {REMEDY}") from error
    if not path.is_dir():
        raise DataDirUnusable(f"the data directory {path} is not a directory; {ANOTHER}")


def _check_file_system(path: Path) -> None:
    kind = file_system(path)
    if kind in REFUSED or kind.startswith("fuse"):
        raise DataDirUnusable(
            f"the data directory {path} is on {kind}, which does not keep the locks that SQLite needs; "
            "use a directory on a local disk"
        )
    if kind in FORGETFUL:
        log.warning("the data directory %s is on %s: it does not survive a restart of the machine", path, kind)


def file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The type of the file system that holds `path`, such as ``ext4``; "" where the machine does not say."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    resolved = path.resolve()
    best, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = Path(before.split()[4].encode().decode("unicode_escape"))
        # A later line of equal length covers the earlier one.
        if resolved.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), after.split()[0]
    return kind


def _lock(path: Path, lock_wait: float) -> int:
    try:
        fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirUnusable(f"cannot write in the data directory {path}: {error.strerror}; {REMEDY}") from error
    deadline = time.monotonic() + lock_wait
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = _holder(fd)
                os.close(fd)
                raise DataDirLocked(path, holder) from None
            time.sleep(0.02)
        except OSError as error:
            os.close(fd)
            raise DataDirUnusable(f"cannot lock the data directory {path}: {error.strerror}; {ANOTHER}") from error
        else:
            return fd


def _holder(fd: int) -> dict[str, Any]:
    try:
        holder = orjson.loads(os.pread(fd, 4096, 0))
    except (ValueError, OSError):
        return {}
    return holder if isinstance(holder, dict) else {}
