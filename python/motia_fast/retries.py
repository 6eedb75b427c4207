"""What an exception means for a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

    from motia_fast.contract import Died, Failed, Failure, Outcome
    from motia_fast.errors import Signal, ValidationFailed


def seconds(value: float | timedelta) -> float:
    """Seconds of a number or a timedelta. Raises ValueError where it is neither, negative, or not finite."""
    raise NotImplementedError


def failure_of(error: BaseException, reason: str = "failed") -> Failure:
    """An exception as the job keeps it: type, message, traceback."""
    raise NotImplementedError


def outcome_of(error: BaseException, retry_on: tuple[type[BaseException], ...] | None = None,
               discard_on: tuple[type[BaseException], ...] = ()) -> Outcome:
    """What an exception that a handler raised means: signals included."""
    raise NotImplementedError


def invalid_payload(error: ValidationFailed) -> Died:
    """A payload that its schema refuses is dead at once, reason "invalid_payload"."""
    raise NotImplementedError
