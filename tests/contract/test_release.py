"""`release`: an owner that stops gives its jobs back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.contract import Done, Failed, Released, Settlement
from motia_fast.errors import LeaseLost
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    finish,
    ids,
    message,
    put,
    put_numbers,
    quiet,
    readable,
    retrying,
    settle,
    settle_all,
    sub,
    take,
    take_one,
    values,
)

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine


def test_release_makes_all_jobs_of_an_owner_ready_at_once(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs", kind="thread")])
    put_numbers(engine, 2)
    take(engine)
    take(engine, kind="thread")
    assert engine.release("worker") == 4
    assert len(take(engine)) == len(take(engine, kind="thread")) == 2


def test_release_counts_no_attempt(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=retrying(3))])
    put(engine)
    settle(engine, take_one(engine), Failed(BOOM))
    clock.advance(10.0)
    engine.tick()
    for _ in range(10):
        assert take_one(engine).attempt == 2
        engine.release("worker")


def test_release_leaves_the_jobs_of_other_owners_alone(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 2)
    mine, theirs = take_one(engine, owner="a"), take_one(engine, owner="b")
    assert engine.release("a") == 1
    assert ids(take(engine, owner="c")) == [mine.id]
    finish(engine, theirs)


def test_release_of_an_owner_without_jobs_is_nothing(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    finish(engine, take_one(engine))
    assert engine.release("worker") == engine.release("nobody") == 0


def test_a_released_lease_is_stale(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    job = take_one(engine)
    engine.release("worker")
    (refusal,) = engine.settle([Settlement(job.lease, Done())]).refused
    assert isinstance(refusal.error, LeaseLost)
    assert ids(take(engine)) == [job.id]


def test_released_jobs_come_before_younger_ones_and_in_order(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 5)
    take(engine, 3)
    engine.release("worker")
    assert values(take(engine)) == [0, 1, 2, 3, 4]


def test_jobs_released_by_their_outcome_come_in_order_too(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 5)
    settle_all(engine, [Settlement(job.lease, Released()) for job in take(engine, 3)])
    assert values(take(engine)) == [0, 1, 2, 3, 4]


def test_release_frees_the_places(engine: Engine) -> None:
    engine.register([sub(concurrency=2)])
    put_numbers(engine, 5)
    take(engine)
    assert engine.release("worker") == 2
    assert len(take(engine)) == 2
    assert counts(engine).running == 2


def test_release_wakes(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    take(engine)
    quiet(engine)
    engine.release("worker")
    assert readable(engine, 10.0)


def test_released_jobs_are_there_after_a_kill(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(message(1), message(2))
    process.call("claim", "worker", "async", 2)
    assert process.call("release", "worker") == 2
    process.kill()
    jobs = take(rig.open(sub()))
    assert values(jobs) == [1, 2]
    assert [job.crashes for job in jobs] == [0, 0]  # they were not running
