"""What cannot be is refused at the edge, or held at a bound; it never costs a job, a batch or the engine."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.contract import Done, Failed, Failure, Message, Outcome, Retried, Settlement, Snoozed, StateWrite
from motia_fast.errors import MotiaError
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    finish,
    ids,
    message,
    put,
    put_numbers,
    retrying,
    set_state,
    settle,
    sub,
    take,
    take_one,
    view,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.contract import Engine

FOREVER = 1e300
SURROGATE = "half \ud800"


@pytest.fixture
def work(rig: Rig) -> Engine:
    """An engine on a file, since it is the file that refuses odd values."""
    return rig.open(sub(retry=retrying(3)))


def still_works(engine: Engine) -> None:
    """A new job comes, runs and goes, and all of it becomes durable."""
    assert engine.failure is None
    job = put(engine, "still works", priority=9)
    (claimed,) = [each for each in take(engine) if each.id == job]
    finish(engine, claimed)
    engine.release("worker")


@pytest.mark.parametrize(
    "options",
    [{"priority": -1}, {"priority": 10}, {"delay": -1.0}, {"delay": math.nan}, {"delay": math.inf}],
    ids=str,
)
def test_a_message_that_cannot_be_is_refused_with_all_of_its_call(work: Engine, options: dict[str, Any]) -> None:
    before = work.committed
    with pytest.raises(ValueError, match="jobs"):
        work.enqueue([message(1), message(2, **options)])
    assert work.committed == before
    assert work.inspect.jobs() == []
    still_works(work)


@pytest.mark.parametrize(
    "call",
    [
        lambda engine: engine.enqueue([message(1, run_at=2**70)]),
        lambda engine: engine.enqueue([message(1, run_at=-(2**70))]),
        lambda engine: engine.enqueue([message(1, delay=FOREVER)]),
        lambda engine: engine.enqueue([message(1, "nowhere", delay=FOREVER)]),
        lambda engine: engine.enqueue([message(1, SURROGATE)]),
        lambda engine: engine.enqueue([message(1, "nul \0 topic")]),
        lambda engine: set_state(engine, "g", "k", 1, ttl=FOREVER),
        lambda engine: set_state(engine, "g", "k", 1, ttl=-1.0),
        lambda engine: set_state(engine, "g", SURROGATE, 1),
        lambda engine: set_state(engine, SURROGATE, "k", 1),
        lambda engine: engine.state.get("g", SURROGATE),
        lambda engine: engine.state.load([("g", SURROGATE)]),
        lambda engine: engine.state.items(SURROGATE),
        lambda engine: engine.schedules.declare("work/jobs", SURROGATE, "UTC", 0),
        lambda engine: engine.schedules.reset("work/jobs", 2**70),
        lambda engine: engine.schedules.fire("work/jobs", 2**70),
    ],
    ids=range(16),
)
def test_odd_values_are_refused_or_kept_and_never_harm_the_engine(
    work: Engine, call: Callable[[Engine], object]
) -> None:
    with suppress(MotiaError, ValueError):  # refused: which of them is the engine's choice
        call(work)
    assert work.wait(work.committed, 10.0)
    still_works(work)


@pytest.mark.parametrize(
    "outcome",
    [
        Snoozed(math.inf),
        Snoozed(FOREVER),
        Snoozed(math.nan),
        Snoozed(-5.0),
        Retried(math.inf, BOOM),
        Retried(FOREVER, BOOM),
        Retried(math.nan, BOOM),
        Retried(-5.0, BOOM),
    ],
    ids=str,
)
def test_an_outcome_with_an_odd_time_costs_neither_its_job_nor_its_batch(work: Engine, outcome: Outcome) -> None:
    odd, good = put_numbers(work, 2)
    first, second = take(work)
    settled = work.settle([Settlement(first.lease, outcome), Settlement(second.lease, Done())])
    assert work.wait(settled.commit, 10.0)
    assert ids(work.inspect.jobs()) == [odd]
    assert work.inspect.job(good) is None
    refused = [refusal.lease for refusal in settled.refused] == [first.lease]
    assert (view(work, odd).state == "running") == refused
    still_works(work)


@pytest.mark.parametrize(
    "effect",
    [
        message(1, priority=12),
        message(1, delay=-1.0),
        message(1, delay=FOREVER),
        message(1, run_at=2**70),
        message(1, SURROGATE),
        StateWrite("g", SURROGATE, b"1"),
        StateWrite("g", "k", b"1", ttl=FOREVER),
        StateWrite("g", "k" * 513, b"1"),
    ],
    ids=range(8),
)
def test_an_effect_with_an_odd_value_costs_neither_its_job_nor_its_batch(
    work: Engine, effect: Message | StateWrite
) -> None:
    odd, good = put_numbers(work, 2)
    first, second = take(work)
    settled = work.settle([Settlement(first.lease, Done(), (effect,)), Settlement(second.lease, Done())])
    assert work.wait(settled.commit, 10.0)
    assert work.inspect.job(good) is None
    refused = [refusal.lease for refusal in settled.refused] == [first.lease]
    assert (work.inspect.job(odd) is not None) == refused
    still_works(work)


@pytest.mark.parametrize(
    "error",
    [
        Failure("E", SURROGATE, SURROGATE),
        Failure(SURROGATE, "m"),
        Failure("E", "nul \0", "t"),
        Failure("", "", ""),
        Failure("E", "m", "t", reason=SURROGATE),
        Failure("E", "m" * 3_000_000, "t" * 3_000_000),
    ],
    ids=range(6),
)
def test_whatever_text_an_error_has_its_attempt_is_settled(work: Engine, error: Failure) -> None:
    job = put(work)
    settle(work, take_one(work), Failed(error))
    (attempt,) = view(work, job).attempts
    assert attempt.error.type.isprintable()
    assert counts(work).scheduled == 1
    still_works(work)


def test_a_limit_of_no_jobs_or_fewer_claims_nothing(work: Engine) -> None:
    put(work)
    assert take(work, 0) == take(work, -1) == []
    assert len(take(work)) == 1


def test_a_commit_that_is_yet_to_come_is_not_durable(work: Engine) -> None:
    assert not work.wait(work.committed + 1_000, 0.05)
