"""``DIR/running``: which jobs run, readable after the process was killed.

A slot of 8 bytes holds a job id, or 0. A claimed or settled batch costs one `pwrite`, never a sync: the page cache
outlives a killed process, and after a power cut nobody needs to know (the machine's boot id differs then).
"""

from __future__ import annotations

import os
import struct
import sys
import uuid
from pathlib import Path

_MAGIC = b"MTFRUN1\0"
#: The magic, 32 bytes that name the machine's boot, and the number of the engine's boot.
_HEADER = 48
_SLOT = 8


def machine_boot() -> bytes:
    """32 bytes that are the same until the machine restarts."""
    source = Path("/proc/sys/kernel/random/boot_id")
    if source.exists():
        return uuid.UUID(source.read_text().strip()).hex.encode()
    if sys.platform == "darwin":
        import subprocess  # noqa: PLC0415 -- macOS alone needs it

        time = subprocess.check_output(["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]).strip()
        return time[:32].ljust(32, b"0")
    return b"0" * 32


def _header(boot: int) -> bytes:
    return _MAGIC + machine_boot() + struct.pack("<q", boot)


def named_jobs(path: Path, boot: int) -> list[int]:
    """The jobs that ran when the process of that boot died; none if the machine restarted since.

    A kill between the opening that counted these jobs and the next `RunningFile` leaves the file of an older boot, so
    that no crash counts twice.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    if data[:_HEADER] != _header(boot):
        return []
    slots = (len(data) - _HEADER) // _SLOT
    return [job for job in struct.unpack_from(f"<{slots}q", data, _HEADER) if job]


class RunningFile:
    """The slots of the jobs that run now."""

    def __init__(self, path: Path | None, slots: int, boot: int) -> None:
        """Empties the file. Without a path, slots are counted but not written."""
        self._data = bytearray(slots * _SLOT)
        self._free = list(range(slots - 1, -1, -1))
        self._dirty: list[int] = []
        self._fd = -1
        if path is not None:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.pwrite(self._fd, _header(boot) + self._data, 0)

    def take(self, job: int) -> int:
        """Notes that a job runs; returns its slot. Written with the next `write`."""
        slot = self._free.pop()
        self._set(slot, job)
        return slot

    def free(self, slot: int) -> None:
        """Notes that the slot's job has ended."""
        self._set(slot, 0)
        self._free.append(slot)

    def write(self) -> None:
        """Writes what changed since the last time, in one call."""
        if not self._dirty:
            return
        first, last = min(self._dirty) * _SLOT, (max(self._dirty) + 1) * _SLOT
        self._dirty.clear()
        if self._fd >= 0:
            os.pwrite(self._fd, self._data[first:last], _HEADER + first)

    def close(self) -> None:
        """Empties the file, since nothing runs any more, and closes it."""
        if self._fd >= 0:
            try:
                os.ftruncate(self._fd, 0)
            finally:
                os.close(self._fd)
                self._fd = -1

    def _set(self, slot: int, job: int) -> None:
        struct.pack_into("<q", self._data, slot * _SLOT, job)
        self._dirty.append(slot)
