"""`ctx.logger`: lines of a step's log, with fields.

A line is an ordinary record of the standard library under ``motia_fast.step.NAME``. Its fields and its run travel with
it; `observability.logs` shows them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from motia_fast.context import Run

#: The parent of all loggers of steps.
ROOT = "motia_fast.step"


class Logger:
    """Writes log lines of the running step: ``logger.info("Order received", {"orderId": 7})`` or ``.., orderId=7)``."""

    __slots__ = ("_run",)

    def __init__(self, run: Callable[[], Run]) -> None:
        """`run` tells whose lines they are, each time; it may raise where no step is running."""
        self._run = run

    def debug(self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """A line for who hunts a bug."""
        self._write(logging.DEBUG, message, fields, more)

    def info(self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """A line about the ordinary course."""
        self._write(logging.INFO, message, fields, more)

    def warning(self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """A line about something that somebody should look at some day."""
        self._write(logging.WARNING, message, fields, more)

    warn = warning

    def error(self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """A line about something that went wrong; `exc_info=True` adds the traceback."""
        self._write(logging.ERROR, message, fields, more)

    def exception(self, message: object, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        """`error` with the traceback of the exception that is being handled."""
        self._write(logging.ERROR, message, fields, {"exc_info": True} | more)

    def _write(self, level: int, message: object, fields: Mapping[str, Any] | None, more: dict[str, Any]) -> None:
        run = self._run()
        logger = logging.getLogger(f"{ROOT}.{run.step}")
        if not logger.isEnabledFor(level):
            return
        exc_info = more.pop("exc_info", None)
        # The message is a text of its own, never a format: a "%" in it is a "%". 3 frames up is who called `info`.
        extra = {"run": run, "fields": {**(fields or {}), **more}}
        logger.log(level, "%s", message, exc_info=exc_info, extra=extra, stacklevel=3)
