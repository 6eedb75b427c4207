"""Retries: when a failed job runs again, what it remembers, and when it gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.clock import SECOND
from motia_fast.contract import Failed, Failure, RetryPolicy, Settlement
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    fail,
    message,
    put,
    put_numbers,
    retrying,
    settle,
    sub,
    take,
    take_one,
    view,
)

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine


def delays(engine: Engine, clock: ManualClock, attempts: int) -> list[float]:
    """Fails one job again and again; returns the seconds after which it was due each time."""
    job = put(engine)
    found: list[float] = []
    for _ in range(attempts):
        fail(engine, take_one(engine))
        due = view(engine, job).at or clock.now()  # None for one that is ready already
        found.append((due - clock.now()) / SECOND)
        clock.advance(found[-1])
        engine.tick()
    return found


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (RetryPolicy(9, "exponential", 1.0, 3600.0, 0.0), [1, 2, 4, 8, 16]),  # 1 * 2 ** (attempt - 1)
        (RetryPolicy(9, "exponential", 0.5, 3.0, 0.0), [0.5, 1, 2, 3, 3]),  # held at backoff_max
        (RetryPolicy(9, "linear", 2.0, 3600.0, 0.0), [2, 4, 6, 8, 10]),  # 2 * attempt
        (RetryPolicy(9, "linear", 2.0, 5.0, 0.0), [2, 4, 5, 5, 5]),
        (RetryPolicy(9, "fixed", 7.0, 3600.0, 0.0), [7, 7, 7, 7, 7]),
        (RetryPolicy(9, "fixed", 7.0, 5.0, 0.0), [5, 5, 5, 5, 5]),
        (RetryPolicy(9, "fixed", 0.0, 5.0, 0.0), [0, 0, 0, 0, 0]),
    ],
)
def test_the_back_off_grows_by_its_kind_up_to_its_maximum(
    engine: Engine, clock: ManualClock, policy: RetryPolicy, expected: list[float]
) -> None:
    engine.register([sub(retry=policy)])
    assert delays(engine, clock, 5) == pytest.approx(expected)


def test_jitter_adds_up_to_its_share_of_the_delay(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=RetryPolicy(3, "fixed", 100.0, jitter=0.5))])
    put_numbers(engine, 50)
    for job in take(engine):
        fail(engine, job)
    found = [((job.at or 0) - clock.now()) / SECOND for job in engine.inspect.jobs()]
    assert all(100.0 <= delay <= 150.0 for delay in found)
    assert len(set(found)) > 40
    assert max(found) - min(found) > 10.0  # 50 draws of 50 s: closer together once in 10 ** 33


def test_n_retries_are_n_plus_1_attempts(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=retrying(2))])
    job = put(engine)
    attempts = 0
    while claimed := take(engine):
        attempts += 1
        fail(engine, claimed[0])
        clock.advance(10.0)
        engine.tick()
    assert attempts == 3
    assert view(engine, job).state == "dead"
    assert (counts(engine).retried, counts(engine).died) == (2, 1)


def test_no_retries_are_one_attempt(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0))])
    job = put(engine)
    fail(engine, take_one(engine))
    assert view(engine, job).state == "dead"


def test_a_retry_is_not_handed_out_before_its_time(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=retrying(3, 10.0))])
    put(engine)
    fail(engine, take_one(engine))
    assert engine.next_due() == pytest.approx(10.0)
    clock.advance(9.9)
    engine.tick()
    assert take(engine) == []


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_jump_of_the_wall_does_not_move_a_retry(engine: Engine, clock: ManualClock, jump: float) -> None:
    engine.register([sub(retry=retrying(3, 10.0))])
    put(engine)
    fail(engine, take_one(engine))
    clock.jump(jump)
    engine.tick()
    assert take(engine) == []
    clock.advance(10.0)
    engine.tick()
    assert take_one(engine).attempt == 2


def test_every_attempt_s_error_is_kept_with_its_time(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=retrying(2))])
    job = put(engine)
    times: list[int] = []
    for text in ("first", "second", "third"):
        clock.advance(10.0)
        engine.tick()
        settle(engine, take_one(engine), Failed(Failure("ValueError", text, f"Traceback of {text}")))
        times.append(clock.now())
    attempts = view(engine, job).attempts
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert [attempt.error.message for attempt in attempts] == ["first", "second", "third"]
    assert attempts[0].error.traceback == "Traceback of first"
    assert [attempt.at for attempt in attempts] == times


def test_attempts_and_errors_survive_a_restart(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(3)))
    put(engine)
    for text in ("first", "second"):
        fail(engine, take_one(engine), text)
        rig.clock.advance(10.0)
        engine.tick()
    engine = rig.reopen(sub(retry=retrying(3)))
    job = take_one(engine)
    assert job.attempt == 3
    assert job.last_error is not None
    assert job.last_error.message == "second"
    assert [attempt.error.message for attempt in view(engine, job.id).attempts] == ["first", "second"]


def test_attempts_survive_a_kill(rig: Rig) -> None:
    process = rig.start(sub(retry=retrying(3, 0.0)))
    process.put(message(1))
    (job,) = process.call("claim", "worker", "async", 1)
    process.settle(Settlement(job.lease, Failed(BOOM)))
    process.kill()
    engine = rig.open(sub(retry=retrying(3, 0.0)))
    engine.tick()
    assert take_one(engine).attempt == 2


def test_a_retry_goes_on_over_a_restart_on_wall_time(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(3, 100.0)))
    put(engine)
    fail(engine, take_one(engine))
    rig.clock.advance(60.0)
    engine = rig.reopen(sub(retry=retrying(3, 100.0)))
    engine.tick()
    assert take(engine) == []
    rig.clock.advance(40.0)
    engine.tick()
    assert take_one(engine).attempt == 2


def test_an_exponential_back_off_does_not_overflow(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=RetryPolicy(2_000, "exponential", 1.0, 3600.0, 0.0))])
    job = put(engine)
    for _ in range(1_030):  # 2.0 ** 1_024 is beyond a float
        fail(engine, take_one(engine))
        clock.advance(3600.0)
        engine.tick()
    fail(engine, take_one(engine))
    assert view(engine, job).at == clock.now() + 3600 * SECOND


def test_a_failing_job_does_not_hold_up_the_others(engine: Engine) -> None:
    engine.register([sub(concurrency=1, retry=retrying(3))])
    put_numbers(engine, 2)
    fail(engine, take_one(engine))
    assert take_one(engine).payload == b"1"
