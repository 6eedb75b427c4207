"""What an exception means for a job. The delay before a retry is the engine's to compute."""

from __future__ import annotations

import asyncio
import math
import os
import traceback
from datetime import timedelta
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING

from motia_fast.contract import Died, Failed, Failure, Outcome, Retried, Skipped, Snoozed
from motia_fast.errors import Dead, DiskLow, Retry, Signal, Skip, Snooze, StepTimeout, ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Iterable

Errors = tuple[type[BaseException], ...]

#: Seconds after which a job that met a low disk runs again.
DISK_LOW_SNOOZE = 30.0
#: Bytes of a traceback that are kept with a failed attempt; the end of one says most.
TRACEBACK_LIMIT = 16 * 1024
_LIBRARY = Path(asyncio.__file__).parents[1]
_CALLERS = tuple(str(path) + os.sep for path in (Path(__file__).parent, _LIBRARY / "asyncio", _LIBRARY / "concurrent"))


def seconds(value: float | timedelta) -> float:
    """The seconds of a number or a timedelta. Raises ValueError where it is neither, or below 0, or not finite."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"{value!r} is not a number of seconds, nor a timedelta")  # noqa: TRY004 -- one error for callers
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{value!r} is not a number of seconds from 0 up")
    return float(number)


def outcome_of(error: BaseException, retry_on: Errors | None = None, discard_on: Errors = ()) -> Outcome:
    """What an exception that left a handler means for its job.

    A signal means what it says; `Retry` without a delay is a failed attempt, delayed by the subscription's own policy.
    `DiskLow` is not the job's fault: it is snoozed until there may be room, and no attempt is counted. An error of
    `discard_on`, or one that is not of `retry_on` where that is given, makes the job dead at once; where it
    is in both, it is discarded. Any other is a failed attempt, with reason "timeout" for a `StepTimeout`.
    """
    if isinstance(error, Signal):
        return _outcome_of_signal(error)
    if isinstance(error, DiskLow):
        return Snoozed(DISK_LOW_SNOOZE, str(error))
    if isinstance(error, discard_on):
        return Died(failure_of(error, "discarded"))
    if retry_on is not None and not isinstance(error, retry_on):
        return Died(failure_of(error, "not_retried"))
    return Failed(failure_of(error, "timeout" if isinstance(error, StepTimeout) else "failed"))


def _outcome_of_signal(signal: Signal) -> Outcome:
    match signal:
        case Retry() | Snooze():
            return _delayed(signal)
        case Skip():
            return Skipped(signal.reason or "skip")
        case Dead():
            return Died(failure_of(signal, "dead"))
        case _:
            return Failed(failure_of(signal))


def _delayed(signal: Retry | Snooze) -> Outcome:
    try:
        if isinstance(signal, Snooze):
            return Snoozed(seconds(signal.seconds), signal.reason)
        return (
            Failed(failure_of(signal)) if signal.after is None else Retried(seconds(signal.after), failure_of(signal))
        )
    except ValueError as error:  # the handler gave a delay that is none
        return Failed(failure_of(error.with_traceback(signal.__traceback__)))


def invalid_payload(error: ValidationFailed) -> Died:
    """A payload that its schema refuses is dead at once: no retry would make it valid."""
    return Died(Failure("ValidationFailed", str(error), reason="invalid_payload"))


def failure_of(error: BaseException, reason: str = "failed") -> Failure:
    """An exception as the job keeps it: its type as code names it, its message, and the traceback from user code on."""
    return Failure(type_name(type(error)), _message(error), _traceback(error), reason)


def type_name(kind: type[BaseException]) -> str:
    """``ValueError``, ``decimal.InvalidOperation``, ``Retry``: with its module, unless it is built in or ours."""
    ours = kind.__module__ in {"builtins", "__main__", "motia_fast.errors"}
    return kind.__qualname__ if ours else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 -- `__str__` is the user's code
        return f"(its message cannot be read: {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    try:
        report = traceback.TracebackException.from_exception(error)
        report.stack = traceback.StackSummary.from_list(_from_user_code(report.stack))
        text = "".join(report.format())
    except Exception as broken:  # noqa: BLE001 -- as `_message`
        return f"(its traceback cannot be read: {type(broken).__name__})"
    return text if len(text) <= TRACEBACK_LIMIT else "[..]\n" + text[-TRACEBACK_LIMIT:]


def _from_user_code(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Leaves out the first frames, by which motia_fast called the handler, on the loop or in a thread."""
    given = list(frames)
    kept = list(dropwhile(lambda frame: frame.filename.startswith(_CALLERS), given))
    return kept or given
