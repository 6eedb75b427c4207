"""Log lines: text with colour on a terminal, JSON elsewhere. Each has step, job id, attempt and trace id.

`configure` is called by `run()` alone; a program that embeds an App keeps its own configuration of logging, and finds
the same facts on each record as `record.run` and `record.fields`.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import override

from motia_fast.context import Run, current
from motia_fast.encoding import encode
from motia_fast.errors import NotEncodable

if TYPE_CHECKING:
    from collections.abc import Generator

Format = Literal["auto", "text", "json"]

_COLOURS = {"DEBUG": "\x1b[2m", "INFO": "\x1b[32m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


@contextmanager
def configured(log_format: Format, level: str) -> Generator[None]:
    """Shows what is logged under "motia_fast" on standard error, until the block ends."""
    logger = logging.getLogger("motia_fast")
    before = (logger.level, logger.propagate)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(log_format, terminal=sys.stderr.isatty()))
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def formatter(log_format: Format, *, terminal: bool) -> logging.Formatter:
    """The formatter of a setting; "auto" is text on a terminal, else JSON."""
    return JsonFormatter() if _chosen(log_format, terminal=terminal) == "json" else TextFormatter(colour=terminal)


def is_json(log_format: Format) -> bool:
    """Whether lines on standard error are JSON."""
    return _chosen(log_format, terminal=sys.stderr.isatty()) == "json"


def _chosen(log_format: Format, *, terminal: bool) -> Format:
    if log_format != "auto":
        return log_format
    return "text" if terminal else "json"


def run_of(record: logging.LogRecord) -> Run | None:
    """Whose line it is: what the record says, else the step that is running here."""
    run = getattr(record, "run", None)
    if isinstance(run, Run):
        return run
    ctx = current.get(None)
    return None if ctx is None else ctx.run


class TextFormatter(logging.Formatter):
    """``12:00:00.000 INFO    ProcessOrder job=7 attempt=1 trace=4bf92f35  Order received orderId=7``."""

    def __init__(self, *, colour: bool) -> None:
        """`colour` writes terminal colours."""
        super().__init__()
        self._colour = colour

    @override
    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        level = self._painted(f"{record.levelname:<7}", _COLOURS.get(record.levelname, ""))
        who = self._painted(_who(record), _DIM)
        return "\n".join([f"{when} {level} {who}  {_line(record)}", *_tracebacks(record)])

    def _painted(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour and colour else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, step, job, attempt, trace, fields, traceback."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        run = run_of(record)
        if run is not None:
            line |= {"step": run.step, "job": run.job_id, "attempt": run.attempt, "trace": run.trace_id}
        fields = getattr(record, "fields", None)
        if fields:
            line["fields"] = fields
        tracebacks = _tracebacks(record)
        if tracebacks:
            line["traceback"] = "\n".join(tracebacks)
        return _encoded(line)


def _encoded(line: dict[str, Any]) -> str:
    try:
        return encode(line).decode()
    except NotEncodable:  # a log line is never lost for what JSON cannot hold
        fields = {str(key): repr(value) for key, value in dict(line["fields"]).items()}
        return encode(line | {"fields": fields}).decode(errors="replace")


def _who(record: logging.LogRecord) -> str:
    run = run_of(record)
    if run is None:
        return record.name
    job = "" if run.job_id is None else f" job={run.job_id} attempt={run.attempt}"
    return f"{run.step}{job} trace={run.trace_id[:8]}"


def _line(record: logging.LogRecord) -> str:
    fields = getattr(record, "fields", None) or {}
    return " ".join([record.getMessage(), *(f"{name}={value!r}" for name, value in fields.items())])


def _tracebacks(record: logging.LogRecord) -> list[str]:
    found = [getattr(record, "traceback", "")]
    if record.exc_info:
        found.append(logging.Formatter().formatException(record.exc_info))
    if record.stack_info:
        found.append(record.stack_info)
    return [text.rstrip("\n") for text in found if text]
