"""`turn`: settle and claim in one crossing; notices of jobs that ran past their timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.contract import Done, Failed, Failure, Notice, Settlement
from motia_fast.errors import LeaseLost
from tests.contract.verbs import (
    BOOM,
    done,
    finish,
    message,
    put,
    put_numbers,
    quiet,
    readable,
    retrying,
    settle,
    sub,
    take,
    take_one,
    values,
    view,
)

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine, Kind


def notices(engine: Engine, owner: str = "worker", kind: Kind = "async") -> list[Notice]:
    return engine.turn(owner, kind, [], 0).notices


def test_turn_settles_and_claims_in_one_crossing(engine: Engine) -> None:
    engine.register([sub(concurrency=2)])
    put_numbers(engine, 5)
    turn = engine.turn("worker", "async", [], 10)
    assert values(turn.jobs) == [0, 1]
    turn = engine.turn("worker", "async", done(turn.jobs), 10)
    assert turn.settled.refused == ()
    assert values(turn.jobs) == [2, 3]


def test_turn_reports_refused_settlements_and_still_claims(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 2)
    job = take_one(engine)
    finish(engine, job)
    turn = engine.turn("worker", "async", done([job]), 10)
    assert isinstance(turn.settled.refused[0].error, LeaseLost)
    assert values(turn.jobs) == [1]


def test_turn_claims_for_its_owner_and_kind_only(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs", kind="thread")])
    put(engine)
    turn = engine.turn("worker", "thread", [], 10)
    assert [job.subscription for job in turn.jobs] == ["b/jobs"]
    assert engine.release("worker") == 1


def test_turn_waits_for_nothing(engine: Engine) -> None:
    engine.register([sub()])
    turn = engine.turn("worker", "async", [], 10)
    assert (turn.settled.refused, turn.jobs, turn.notices) == ((), [], [])


# ---------------------------------------------------------------- timeouts


@pytest.fixture
def work(engine: Engine) -> Engine:
    """An engine with one subscription whose handlers may run for 30 s."""
    engine.register([sub(timeout=30.0, retry=retrying(3))])
    return engine


def test_a_job_that_runs_past_its_timeout_is_noticed_as_overdue(work: Engine, clock: ManualClock) -> None:
    put(work)
    job = take_one(work)
    assert work.next_due() == pytest.approx(30.0)
    clock.advance(29.9)
    work.tick()
    assert notices(work) == []
    clock.advance(0.1)
    work.tick()
    assert notices(work) == [Notice(job.lease, "overdue")]


def test_each_notice_comes_once(work: Engine, clock: ManualClock) -> None:
    put(work)
    take_one(work)
    clock.advance(30.0)
    work.tick()
    assert len(notices(work)) == 1
    clock.advance(3_000.0)
    work.tick()
    assert notices(work) == []
    assert work.next_due() is None


def test_a_notice_goes_to_its_job_s_owner_and_kind(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub("a/jobs", timeout=30.0), sub("b/jobs", timeout=30.0, kind="thread")])
    put(engine)
    asynchronous = take_one(engine, owner="a")
    threaded = take_one(engine, owner="b", kind="thread")
    clock.advance(30.0)
    engine.tick()
    assert notices(engine, "b", "async") == notices(engine, "a", "thread") == []
    assert notices(engine, "a", "async") == [Notice(asynchronous.lease, "overdue")]
    assert notices(engine, "b", "thread") == [Notice(threaded.lease, "overdue")]


def test_a_notice_wakes(work: Engine, clock: ManualClock) -> None:
    put(work)
    take_one(work)
    quiet(work)
    clock.advance(30.0)
    work.tick()
    assert readable(work, 10.0)


def test_an_overdue_job_keeps_its_lease_and_its_place(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(timeout=30.0, concurrency=1)])
    put_numbers(engine, 2)
    job = take_one(engine)
    clock.advance(3_000.0)
    engine.tick()
    assert take(engine) == []
    assert view(engine, job.id).state == "running"
    finish(engine, job)  # with its real outcome, however late
    assert values(take(engine)) == [1]


def test_a_timeout_settles_as_a_failed_attempt_when_its_run_has_ended(work: Engine, clock: ManualClock) -> None:
    job = put(work)
    running = take_one(work)
    clock.advance(30.0)
    work.tick()
    settle(work, running, Failed(Failure("StepTimeout", "ran longer than 30 s", reason="timeout")))
    assert view(work, job).state == "scheduled"
    assert view(work, job).attempts[0].error.reason == "timeout"


def test_a_job_that_is_settled_in_time_brings_no_notice(work: Engine, clock: ManualClock) -> None:
    put(work)
    finish(work, take_one(work))
    clock.advance(3_000.0)
    work.tick()
    assert notices(work) == []


def test_a_notice_of_a_job_that_was_settled_meanwhile_is_not_delivered(work: Engine, clock: ManualClock) -> None:
    put(work)
    job = take_one(work)
    clock.advance(30.0)
    work.tick()
    assert work.turn("worker", "async", done([job]), 0).notices == []


def test_each_attempt_has_its_own_time(work: Engine, clock: ManualClock) -> None:
    put(work)
    clock.advance(1_000.0)  # waiting does not count
    work.tick()
    first = take_one(work)
    clock.advance(29.0)
    settle(work, first, Failed(BOOM))
    clock.advance(10.0)
    work.tick()
    second = take_one(work)
    clock.advance(29.0)
    work.tick()
    assert notices(work) == []
    clock.advance(1.0)
    work.tick()
    assert notices(work) == [Notice(second.lease, "overdue")]


def test_without_a_timeout_a_job_is_never_overdue(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(timeout=None)])
    put(engine)
    take_one(engine)
    assert engine.next_due() is None
    clock.advance(10 * 365 * 86_400.0)
    engine.tick()
    assert notices(engine) == []


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_jump_of_the_wall_does_not_move_a_timeout(work: Engine, clock: ManualClock, jump: float) -> None:
    put(work)
    take_one(work)
    clock.jump(jump)
    work.tick()
    assert notices(work) == []
    clock.advance(30.0)
    work.tick()
    assert len(notices(work)) == 1


def test_turn_keeps_the_effects_of_what_it_settles(work: Engine) -> None:
    put(work, "cause")
    job = take_one(work)
    turn = work.turn("worker", "async", [Settlement(job.lease, Done(), (message("effect"),))], 0)
    assert work.wait(turn.settled.commit, 10.0)
    assert values(take(work)) == ["effect"]
