"""`settle`: every way in which a run can end, each of them one commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.contract import (
    Died,
    Done,
    Failed,
    Lease,
    Message,
    Outcome,
    Released,
    Retried,
    Settlement,
    Skipped,
    Snoozed,
    StateWrite,
)
from motia_fast.errors import LeaseLost, PayloadTooLarge, PendingFull, UnknownSubscription, VersionConflict
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    done,
    finish,
    ids,
    message,
    put,
    put_numbers,
    retrying,
    set_state,
    settle,
    settle_all,
    sub,
    take,
    take_one,
    value,
    values,
    view,
)

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine

OUTCOMES: list[Outcome] = [
    Done(),
    Failed(BOOM),
    Retried(5.0, BOOM),
    Snoozed(5.0),
    Skipped("no need"),
    Died(BOOM),
    Released(),
]


def named(outcome: object) -> str:
    return type(outcome).__name__


@pytest.fixture
def work(engine: Engine) -> Engine:
    """An engine with one subscription that retries 3 times, 10 s apart."""
    engine.register([sub(retry=retrying(3))])
    return engine


# ---------------------------------------------------------------- outcomes


def test_done_removes_the_job(work: Engine) -> None:
    job = put(work)
    finish(work, take_one(work))
    assert work.inspect.job(job) is None
    assert (counts(work).done, counts(work).running) == (1, 0)


def test_a_settled_job_does_not_come_back_after_a_restart(rig: Rig) -> None:
    engine = rig.open(sub())
    put(engine)
    finish(engine, take_one(engine))
    engine = rig.reopen(sub())
    assert (take(engine), engine.inspect.jobs()) == ([], [])


def test_a_settled_job_does_not_come_back_after_a_kill(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(message(1), message(2))
    first, _ = process.call("claim", "worker", "async", 2)
    process.settle(*done([first]))
    process.kill()
    assert values(take(rig.open(sub()))) == [2]


def test_failed_schedules_the_job_again_by_its_policy(work: Engine, clock: ManualClock) -> None:
    job = put(work)
    settle(work, take_one(work), Failed(BOOM))
    assert (view(work, job).state, view(work, job).attempt) == ("scheduled", 1)
    clock.advance(10.0)
    work.tick()
    (again,) = take(work)
    assert (again.id, again.attempt, again.last_error) == (job, 2, BOOM)


def test_failed_makes_the_job_dead_when_its_attempts_are_used_up(work: Engine, clock: ManualClock) -> None:
    job = put(work)
    for attempt in (1, 2, 3, 4):
        claimed = take_one(work)
        assert claimed.attempt == attempt
        settle(work, claimed, Failed(BOOM))
        clock.advance(10.0)
        work.tick()
    assert view(work, job).state == "dead"
    assert take(work) == []


def test_retried_schedules_the_job_after_its_own_time_and_counts_an_attempt(work: Engine, clock: ManualClock) -> None:
    put(work)
    settle(work, take_one(work), Retried(3.0, BOOM))
    clock.advance(2.9)
    work.tick()
    assert take(work) == []
    clock.advance(0.1)
    work.tick()
    again = take_one(work)
    assert (again.attempt, again.last_error) == (2, BOOM)


def test_retried_makes_the_job_dead_when_no_attempt_is_left(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0))])
    job = put(engine)
    settle(engine, take_one(engine), Retried(3.0, BOOM))
    assert view(engine, job).state == "dead"


def test_snoozed_schedules_the_job_without_counting_an_attempt(work: Engine, clock: ManualClock) -> None:
    put(work)
    for _ in range(20):
        job = take_one(work)
        assert (job.attempt, job.last_error) == (1, None)
        settle(work, job, Snoozed(5.0))
        assert view(work, job.id).state == "scheduled"
        clock.advance(5.0)
        work.tick()


def test_snoozed_for_no_time_is_ready_again(work: Engine) -> None:
    job = put(work)
    settle(work, take_one(work), Snoozed(0.0))
    work.tick()
    assert ids(take(work)) == [job]


def test_skipped_removes_the_job_and_is_counted(work: Engine) -> None:
    job = put(work)
    settle(work, take_one(work), Skipped("no need"))
    assert work.inspect.job(job) is None
    assert (counts(work).skipped, counts(work).done) == (1, 0)


def test_died_makes_the_job_dead_whatever_attempts_are_left(work: Engine) -> None:
    job = put(work)
    settle(work, take_one(work), Died(BOOM))
    assert view(work, job).state == "dead"
    assert counts(work).died == 1


def test_released_makes_the_job_ready_without_counting_an_attempt(work: Engine) -> None:
    job = put(work)
    settle(work, take_one(work), Released())
    (again,) = take(work)
    assert (again.id, again.attempt, again.last_error) == (job, 1, None)


def test_attempts_before_a_snooze_or_a_release_stay_counted(work: Engine, clock: ManualClock) -> None:
    put(work)
    for outcome, attempt in ((Failed(BOOM), 1), (Snoozed(1.0), 2), (Released(), 2), (Failed(BOOM), 2), (Done(), 3)):
        job = take_one(work)
        assert job.attempt == attempt
        settle(work, job, outcome)
        clock.advance(10.0)
        work.tick()


@pytest.mark.parametrize("outcome", OUTCOMES, ids=named)
def test_every_outcome_stands_after_a_kill(rig: Rig, outcome: Outcome) -> None:
    process = rig.start(sub(retry=retrying(3)))
    process.put(message(1))
    (job,) = process.call("claim", "worker", "async", 1)
    process.settle(Settlement(job.lease, outcome))
    before = process.call("inspect.job", job.id)
    process.kill()
    assert rig.open(sub(retry=retrying(3))).inspect.job(job.id) == before


# ---------------------------------------------------------------- leases


@pytest.mark.parametrize("outcome", OUTCOMES, ids=named)
def test_settle_with_a_stale_lease_is_refused_and_changes_nothing(work: Engine, outcome: Outcome) -> None:
    job = put(work)
    stale = take_one(work).lease
    work.release("worker")
    current = take_one(work)
    before = view(work, job)
    effects = (message("effect"), StateWrite("group", "key", b"1"))
    (refusal,) = work.settle([Settlement(stale, outcome, effects)]).refused
    assert refusal.lease == stale
    assert isinstance(refusal.error, LeaseLost)
    assert view(work, job) == before
    assert ids(work.inspect.jobs()) == [job]
    assert value(work, "group", "key") is None
    finish(work, current)


def test_a_job_cannot_be_settled_twice(work: Engine) -> None:
    put(work)
    job = take_one(work)
    finish(work, job)
    (refusal,) = work.settle([Settlement(job.lease, Failed(BOOM))]).refused
    assert isinstance(refusal.error, LeaseLost)
    assert work.inspect.job(job.id) is None


def test_a_job_cannot_be_settled_twice_in_one_batch(work: Engine) -> None:
    put(work)
    job = take_one(work)
    (refusal,) = work.settle([Settlement(job.lease, Done()), Settlement(job.lease, Failed(BOOM))]).refused
    assert isinstance(refusal.error, LeaseLost)
    assert work.inspect.job(job.id) is None


def test_a_lease_that_never_was_is_refused(work: Engine) -> None:
    job = put(work)
    forged = [Lease(job, work.boot, 1), Lease(job + 1_000, work.boot, 1)]
    refused = work.settle([Settlement(lease, Done()) for lease in forged]).refused
    assert [refusal.lease for refusal in refused] == forged
    assert ids(take(work)) == [job]


def test_a_lease_of_a_former_life_is_refused(rig: Rig) -> None:
    engine = rig.open(sub())
    job = put(engine)
    former = take_one(engine)
    engine = rig.reopen(sub())
    assert len(engine.settle(done([former])).refused) == 1
    take_one(engine)
    assert len(engine.settle(done([former])).refused) == 1
    assert view(engine, job).state == "running"


def test_a_refused_settlement_does_not_fail_the_others(work: Engine) -> None:
    put_numbers(work, 3)
    first, second, third = take(work)
    finish(work, second)
    settled = work.settle(done([first, second, third]))
    assert [refusal.lease for refusal in settled.refused] == [second.lease]
    assert work.inspect.jobs() == []


def test_a_settle_of_nothing_is_nothing(work: Engine) -> None:
    settled = work.settle([])
    assert settled.refused == ()
    assert work.wait(settled.commit, 10.0)


# ---------------------------------------------------------------- one commit


def test_each_settlement_is_one_commit(work: Engine) -> None:
    put_numbers(work, 3)
    jobs = take(work)
    before = work.committed
    settled = work.settle(done(jobs))
    assert settled.commit == work.committed == before + 3


def test_effects_are_kept_with_their_outcome(work: Engine) -> None:
    put(work, "cause")
    settle(work, take_one(work), Done(), message("effect"), StateWrite("orders", "1", b'"placed"'))
    assert values(take(work)) == ["effect"]
    assert value(work, "orders", "1") == "placed"


def test_an_outcome_and_its_effects_are_one_commit(work: Engine) -> None:
    put(work)
    job = take_one(work)
    before = work.committed
    work.settle([Settlement(job.lease, Done(), (message(1), message(2), StateWrite("g", "k", b"1")))])
    assert work.committed == before + 1


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (message("lost", subscription="gone/jobs"), UnknownSubscription),
        (Message("jobs", b"x" * 2_000_000), PayloadTooLarge),
        (StateWrite("group", "key", b"x" * 2_000_000), PayloadTooLarge),
        (StateWrite("group", "there", b"2", expected_version=7), VersionConflict),
    ],
    ids=["unknown subscription", "payload", "value", "version"],
)
def test_an_effect_that_cannot_be_refuses_its_settlement_and_nothing_of_it_is_kept(
    work: Engine, effect: Message | StateWrite, error: type[Exception]
) -> None:
    set_state(work, "group", "there", 1)
    put_numbers(work, 2)
    bad, good = take(work)
    effects = (message("first effect"), StateWrite("group", "first", b"1"), effect)
    settled = work.settle([Settlement(bad.lease, Done(), effects), Settlement(good.lease, Done())])
    (refusal,) = settled.refused
    assert refusal.lease == bad.lease
    assert isinstance(refusal.error, error)
    assert ids(work.inspect.jobs()) == [bad.id]
    assert view(work, bad.id).state == "running"
    assert value(work, "group", "first") is None
    assert value(work, "group", "there") == 1
    settle(work, bad, Failed(BOOM))  # its lease is still in force


# ---------------------------------------------------------------- order and durability


def test_the_place_of_a_settled_job_is_free_before_its_settle_is_durable(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(concurrency=1), disk=disk)
    put_numbers(engine, 2)
    job = take_one(engine)
    with disk.held():
        engine.settle(done([job]))
        disk.wait_for_group()
        assert values(take(engine)) == [1]


@pytest.mark.parametrize("outcome", [Snoozed(0.0), Retried(0.0, BOOM)], ids=named)
def test_what_a_settle_made_ready_is_handed_out_only_when_it_is_durable(rig: Rig, disk: Disk, outcome: Outcome) -> None:
    engine = rig.open(sub(retry=retrying(3)), disk=disk)
    job = put(engine)
    running = take_one(engine)
    with disk.held():
        settled = engine.settle([Settlement(running.lease, outcome)])
        disk.wait_for_group()
        engine.tick()
        assert take(engine) == []
    engine.wait(settled.commit)
    engine.tick()
    assert ids(take(engine)) == [job]


def test_what_a_settle_enqueued_is_handed_out_only_when_it_is_durable(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    put(engine, "cause")
    running = take_one(engine)
    with disk.held():
        settled = engine.settle([Settlement(running.lease, Done(), (message("effect"),))])
        disk.wait_for_group()
        assert take(engine) == []
    engine.wait(settled.commit)
    assert values(take(engine)) == ["effect"]


def test_a_settle_without_room_raises_pending_full_and_settles_nothing(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=4)
    put_numbers(engine, 4)
    first, *others = take(engine)
    with disk.held():
        engine.settle(done([first]))
        disk.wait_for_group()
        engine.enqueue([message(n) for n in range(3)])
        with pytest.raises(PendingFull):
            engine.settle(done(others))
        assert [view(engine, job.id).state for job in others] == ["running"] * 3
    engine.wait(engine.committed)
    settle_all(engine, done(others))
