"""The descriptor that an event loop watches (an eventfd; a pipe on macOS)."""

from __future__ import annotations

import contextlib
import os


class Wake:
    """Readable from the first `signal` after an `acknowledge`.

    The producer pushes, then signals. The consumer reads the descriptor, *then* disarms, *then* takes: in any other
    order a signal that arrives between the take and the disarm is lost, and the loop sleeps on a full queue.
    """

    def __init__(self) -> None:
        """Not readable."""
        self._signalled = False
        if hasattr(os, "eventfd"):
            self.fd = self._write_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self.fd, self._write_fd = os.pipe()
            os.set_blocking(self.fd, False)
            os.set_blocking(self._write_fd, False)

    def signal(self) -> None:
        """Makes the descriptor readable; costs a system call the first time only."""
        if not self._signalled:
            self._signalled = True
            os.write(self._write_fd, (1).to_bytes(8, "little"))

    def acknowledge(self) -> None:
        """Makes it unreadable."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 8)
        self._signalled = False

    def close(self) -> None:
        """Closes the descriptor; a `signal` that comes later goes nowhere."""
        self._signalled = True
        for fd in {self.fd, self._write_fd}:
            os.close(fd)
