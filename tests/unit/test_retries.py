"""What exceptions mean for a job, as tables."""

from __future__ import annotations

import asyncio
import math
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import InvalidOperation
from typing import Any

import pytest
from typing_extensions import override

from motia_fast.arguments import plan
from motia_fast.contract import Died, Failed, Outcome, Retried, Skipped, Snoozed
from motia_fast.errors import Dead, DiskLow, Retry, Signal, Skip, Snooze, StepTimeout, ValidationFailed
from motia_fast.retries import TRACEBACK_LIMIT, failure_of, invalid_payload, outcome_of, seconds, type_name


class Weird(Exception):
    @override
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0.0), (1, 1.0), (0.5, 0.5), (timedelta(minutes=2), 120.0), (timedelta(milliseconds=1), 0.001)],
)
def test_a_duration_is_a_number_of_seconds_or_a_timedelta(value: Any, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, True, "1", None, timedelta(seconds=-1)])
def test_another_duration_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="seconds"):
        seconds(value)


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ValueError("x"), Failed, "failed"),
        (StepTimeout("x"), Failed, "timeout"),
        (ValidationFailed("x", []), Failed, "failed"),  # of something that the handler validated
        (asyncio.CancelledError(), Failed, "failed"),
        (SystemExit(1), Failed, "failed"),
    ],
)
def test_an_error_is_a_failed_attempt(error: BaseException, kind: type[Outcome], reason: str) -> None:
    outcome = outcome_of(error)
    assert isinstance(outcome, kind)
    assert isinstance(outcome, Failed)
    assert outcome.error.reason == reason


@pytest.mark.parametrize(
    ("error", "retry_on", "discard_on", "reason"),
    [
        (KeyError("x"), None, (LookupError,), "discarded"),
        (ValueError("x"), None, (LookupError,), "failed"),
        (ValueError("x"), (OSError,), (), "not_retried"),
        (ConnectionError("x"), (OSError,), (), "failed"),
        (StepTimeout("x"), (TimeoutError,), (), "timeout"),
        (StepTimeout("x"), (ValueError,), (), "not_retried"),
        (FileNotFoundError("x"), (OSError,), (FileNotFoundError,), "discarded"),  # discarding comes first
        (ValueError("x"), (), (), "not_retried"),
    ],
)
def test_errors_are_discarded_or_retried_by_their_type(
    error: Exception, retry_on: Any, discard_on: Any, reason: str
) -> None:
    outcome = outcome_of(error, retry_on, discard_on)
    assert isinstance(outcome, Died if reason in {"discarded", "not_retried"} else Failed)
    assert isinstance(outcome, Died | Failed)
    assert outcome.error.reason == reason


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (Snooze(2), Snoozed(2.0)),
        (Snooze(0, "later"), Snoozed(0.0, "later")),
        (Skip(), Skipped("skip")),
        (Skip("old"), Skipped("old")),
    ],
)
def test_a_snooze_and_a_skip_are_no_failures(signal: Signal, expected: Outcome) -> None:
    assert outcome_of(signal) == expected


def test_a_retry_counts_as_a_failed_attempt_after_its_own_delay_or_that_of_the_policy() -> None:
    delayed = outcome_of(Retry(after=3, reason="busy"))
    assert isinstance(delayed, Retried)
    assert (delayed.after, delayed.error.type, delayed.error.message) == (3.0, "Retry", "busy")
    assert isinstance(outcome_of(Retry()), Failed)
    outcome = outcome_of(Retry(timedelta(minutes=1)))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert isinstance(outcome, Retried)
    assert outcome.after == 60


def test_a_low_disk_is_not_the_job_s_fault() -> None:
    outcome = outcome_of(DiskLow("31 MiB are free"), retry_on=(ValueError,), discard_on=(Exception,))
    assert outcome == Snoozed(30.0, "31 MiB are free")


def test_dead_gives_the_job_up_with_its_reason() -> None:
    outcome = outcome_of(Dead("no such pet"))
    assert isinstance(outcome, Died)
    assert (outcome.error.reason, outcome.error.message) == ("dead", "no such pet")


def test_signals_are_not_discarded_by_type() -> None:
    assert isinstance(outcome_of(Snooze(1), (), (Exception,)), Snoozed)


@pytest.mark.parametrize("signal", [Snooze(-1), Snooze(math.nan), Retry(after=-1), Retry(after="x")])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
def test_a_signal_with_a_delay_that_is_none_is_a_failed_attempt(signal: Signal) -> None:
    outcome = outcome_of(signal)
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "ValueError"


def test_a_payload_that_its_schema_refuses_is_dead_with_the_fields_named() -> None:
    died = invalid_payload(ValidationFailed("payload", [{"loc": ["id"], "msg": "Field required", "type": "missing"}]))
    assert died.error.reason == "invalid_payload"
    assert "id: Field required" in died.error.message


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ValueError, "ValueError"), (InvalidOperation, "decimal.InvalidOperation"), (Retry, "Retry")],
)
def test_a_type_is_named_as_code_names_it(kind: type[BaseException], name: str) -> None:
    assert type_name(kind) == name


def handler(order: dict[str, str]) -> None:
    try:
        order["missing"]
    except KeyError as error:
        raise ValueError("bad order") from error


def test_a_traceback_begins_in_the_user_s_code_and_keeps_the_cause() -> None:
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(plan(handler).call, {}, None).exception()
    assert error is not None
    assert any("motia_fast" in frame.filename for frame in traceback.extract_tb(error.__traceback__))
    failure = failure_of(error)
    cause, _, told = failure.traceback.partition("direct cause of the following exception")
    assert "KeyError: 'missing'" in cause
    assert told.count("  File ") == 1
    assert ", in handler" in told
    assert (failure.type, failure.message) == ("ValueError", "bad order")


def test_a_long_traceback_keeps_its_end() -> None:
    failure = failure_of(ValueError("x" * 2 * TRACEBACK_LIMIT))
    assert failure.traceback.startswith("[..]\n")
    assert len(failure.traceback) <= TRACEBACK_LIMIT + len("[..]\n")


def test_an_error_whose_text_cannot_be_read_is_kept_all_the_same() -> None:
    failure = failure_of(Weird())
    assert failure.message == "(its message cannot be read: RuntimeError)"
    assert failure.type.endswith("Weird")
