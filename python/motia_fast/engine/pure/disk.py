"""Whether the disk has room for new work. Asked often, so the answer is kept for a moment."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from motia_fast.clock import SECOND
from motia_fast.errors import DiskLow

if TYPE_CHECKING:
    from pathlib import Path

    from motia_fast.clock import Clock, Micros

log = logging.getLogger("motia_fast.engine")

#: How long an answer holds: at 1 GB/s of payloads the default 256 MiB of reserve last as long.
_HOLDS: Micros = SECOND // 4


class Disk:
    """The free space of one directory's file system."""

    def __init__(self, path: Path | None, least: int, clock: Clock) -> None:
        """`least` bytes must stay free; without a path there is always room."""
        self._path = path
        self._least = least
        self._clock = clock
        self._asked: Micros | None = None
        self._free = 0
        self._told = False

    @property
    def low(self) -> bool:
        """Whether less than the least is free."""
        if self._path is None or not self._least:
            return False
        now = self._clock.elapsed()
        if self._asked is None or now - self._asked >= _HOLDS:
            self._asked = now
            disk = os.statvfs(self._path)
            self._free = disk.f_bavail * disk.f_frsize
            self._tell(low=self._free < self._least)
        return self._free < self._least

    def _tell(self, *, low: bool) -> None:
        if low and not self._told:
            log.warning("%s, new work is refused until there is room", self._text())
        elif self._told and not low:
            log.warning("there is room again at %s", self._path)
        self._told = low

    def _text(self) -> str:
        return f"{self._free} bytes are free at {self._path}, fewer than min_free_disk={self._least}"

    def require_room(self) -> None:
        """Raises `DiskLow`."""
        if self.low:
            raise DiskLow(f"{self._text()}; new work is refused until there is room, running jobs go on")
