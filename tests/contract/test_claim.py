"""`claim`: what is handed out, to whom, and in which order."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import (
    done,
    finish,
    ids,
    message,
    put,
    put_all,
    put_numbers,
    sub,
    take,
    take_one,
    values,
    view,
)

if TYPE_CHECKING:
    from motia_fast.contract import Engine, Job


# ---------------------------------------------------------------- what is not handed out


def test_claim_never_returns_a_job_before_its_commit_is_durable(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        sent = engine.enqueue([message()])
        disk.wait_for_group()
        assert take(engine) == []
        assert engine.durable < sent.commit
    assert engine.wait(sent.commit, 10.0)
    assert tuple(ids(take(engine))) == sent.receipts[0].job_ids


def test_claim_returns_durable_jobs_while_later_ones_wait_for_their_sync(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    first = put(engine)
    with disk.held():
        engine.enqueue([message()])
        disk.wait_for_group()
        assert ids(take(engine)) == [first]


def test_claim_never_returns_a_job_that_another_lease_holds(engine: Engine) -> None:
    engine.register([sub()])
    first, second = put_numbers(engine, 2)
    assert take_one(engine, owner="a").id == first
    assert take_one(engine, owner="b").id == second
    assert take(engine, owner="a") == take(engine, owner="b") == []


def test_claims_that_race_never_share_a_job(engine: Engine) -> None:
    engine.register([sub()])
    jobs = put_numbers(engine, 400)
    taken: list[list[Job]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def race(number: int) -> None:
        start.wait(10)
        while claimed := take(engine, 3, owner=f"owner {number}"):
            taken[number] += claimed

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(job.id for part in taken for job in part) == jobs


def test_claim_takes_no_more_than_a_subscription_s_free_places(engine: Engine) -> None:
    engine.register([sub(concurrency=3)])
    put_numbers(engine, 10)
    assert values(take(engine)) == [0, 1, 2]
    assert take(engine, owner="another") == []


def test_a_place_is_free_again_once_its_job_is_settled(engine: Engine) -> None:
    engine.register([sub(concurrency=3)])
    put_numbers(engine, 10)
    first, *_ = take(engine)
    finish(engine, first)
    assert values(take(engine)) == [3]


def test_claim_takes_no_more_than_the_engine_s_concurrency_in_all(rig: Rig) -> None:
    engine = rig.open(sub("a/jobs"), sub("b/jobs", kind="thread"), concurrency=5)
    put_numbers(engine, 10)
    asyncs = take(engine, 3, owner="one")
    threads = take(engine, owner="two", kind="thread")
    assert (len(asyncs), len(threads)) == (3, 2)
    assert take(engine, owner="one") == []
    finish(engine, asyncs[0])
    assert len(take(engine, owner="two", kind="thread")) == 1


def test_claim_takes_no_more_than_the_limit(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs")])
    put_numbers(engine, 10)
    assert take(engine, 0) == []
    assert len(take(engine, 7)) == 7


def test_claim_takes_only_jobs_of_its_kind(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs", kind="thread")])
    put(engine)
    assert [job.subscription for job in take(engine, kind="thread")] == ["b/jobs"]
    assert [job.subscription for job in take(engine, kind="async")] == ["a/jobs"]


def test_a_subscription_without_free_places_does_not_hold_up_another(engine: Engine) -> None:
    engine.register([sub("full/jobs", concurrency=1, priority=9), sub("free/jobs", priority=1)])
    put_numbers(engine, 5)
    assert [job.subscription for job in take(engine)].count("free/jobs") == 5


# ---------------------------------------------------------------- in which order


def test_higher_priority_comes_first_within_a_subscription(engine: Engine) -> None:
    engine.register([sub()])
    put_all(engine, [message(p, priority=p) for p in (5, 0, 9, 3)])
    assert values(take(engine)) == [9, 5, 3, 0]


def test_higher_priority_comes_first_across_subscriptions(engine: Engine) -> None:
    engine.register([sub("low/jobs", priority=1), sub("high/jobs", priority=9)])
    put_numbers(engine, 3)
    assert [job.subscription for job in take(engine)] == ["high/jobs"] * 3 + ["low/jobs"] * 3


def test_the_oldest_comes_first_within_a_lane(engine: Engine) -> None:
    engine.register([sub()])
    for n in range(20):
        engine.enqueue([message(n)])
    put(engine, 20)
    assert [values(take(engine, 1))[0] for _ in range(21)] == list(range(21))


def test_equals_take_turns(engine: Engine) -> None:
    engine.register([sub("a/left"), sub("b/right")])
    put_numbers(engine, 8, "left")
    put_numbers(engine, 8, "right")
    turns = [take_one(engine).subscription for _ in range(10)]
    assert all(one != other for one, other in pairwise(turns))


def test_equals_take_turns_within_one_claim(engine: Engine) -> None:
    engine.register([sub("a/left"), sub("b/mid"), sub("c/right")])
    for topic in ("left", "mid", "right"):
        put_numbers(engine, 8, topic)
    taken = [job.subscription for job in take(engine, 9)]
    assert {name: taken.count(name) for name in taken} == {"a/left": 3, "b/mid": 3, "c/right": 3}


def test_each_16th_hand_out_takes_the_oldest_job_of_any_lane(engine: Engine) -> None:
    engine.register([sub()])
    put(engine, "old 1", priority=0)
    put(engine, "old 2", priority=0)
    put_numbers(engine, 100, priority=9)
    order = [values([take_one(engine)])[0] for _ in range(48)]
    first, second = order.index("old 1"), order.index("old 2")
    assert first < 16
    assert second - first == 16
    assert [each for each in order if isinstance(each, int)] == list(range(46))


def test_the_16th_hand_out_counts_over_a_large_claim(engine: Engine) -> None:
    engine.register([sub()])
    put(engine, "old", priority=0)
    put_numbers(engine, 100, priority=9)
    assert "old" in values(take(engine, 16))


def test_ageing_gives_no_job_of_a_subscription_without_free_places(engine: Engine) -> None:
    engine.register([sub("full/old", concurrency=1, priority=0), sub("busy/new", priority=9)])
    put_numbers(engine, 20, "old")
    put_numbers(engine, 200, "new")
    taken = [take_one(engine).subscription for _ in range(100)]
    assert taken.count("full/old") == 1


def test_ageing_crosses_subscriptions(engine: Engine) -> None:
    engine.register([sub("low/old", priority=0), sub("high/new", priority=9)])
    put(engine, "old", "old")
    for start in range(0, 100, 20):
        put_numbers(engine, 20, "new", start=start)
    taken: list[object] = []
    for _ in range(16):
        job = take_one(engine)
        taken += values([job])
        finish(engine, job)
    assert "old" in taken


# ---------------------------------------------------------------- leases


def test_a_lease_names_its_job_and_this_boot(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    job = take_one(engine)
    assert (job.lease.job, job.lease.boot) == (job.id, engine.boot)


def test_each_claim_raises_the_epoch(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    epochs: list[int] = []
    for _ in range(3):
        epochs.append(take_one(engine).lease.epoch)
        engine.release("worker")
    assert epochs == sorted(set(epochs))


def test_a_lease_of_a_former_life_differs_from_the_new_one(rig: Rig) -> None:
    put(rig.open(sub()))
    engine = rig.reopen(sub())
    first = take_one(engine).lease
    second = take_one(rig.reopen(sub())).lease
    assert first.job == second.job
    assert first.boot < second.boot


def test_a_claimed_job_is_running(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 3)
    job = take_one(engine)
    assert view(engine, job.id).state == "running"


def test_jobs_of_one_call_reach_several_owners_in_order(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 6)
    parts = [take(engine, 2, owner=owner) for owner in "abc"]
    assert [values(part) for part in parts] == [[0, 1], [2, 3], [4, 5]]
    assert engine.settle(done(parts[1])).refused == ()
