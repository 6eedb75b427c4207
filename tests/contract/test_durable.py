"""`durable`, `wait`, `watch`, `wake_fd`: when something survives a crash, and who is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from motia_fast.contract import Done, JobFilter, Settlement
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import (
    finish,
    ids,
    kill_off,
    message,
    put,
    put_numbers,
    quiet,
    readable,
    retrying,
    set_state,
    sub,
    take,
    take_one,
)

if TYPE_CHECKING:
    from motia_fast.contract import Engine


def test_durable_never_passes_committed_and_reaches_it(engine: Engine) -> None:
    engine.register([sub()])
    commits: list[int] = []
    for n in range(100):
        commits.append(engine.enqueue([message(n)]).commit)
        assert engine.durable <= engine.committed
    assert engine.wait(commits[-1], 10.0)
    assert engine.durable == engine.committed == commits[-1]


def test_durable_stays_behind_while_the_disk_has_not_answered(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    quiet(engine)
    with disk.held():
        commit = engine.enqueue([message()]).commit
        disk.wait_for_group()
        assert engine.durable == commit - 1
    assert engine.wait(commit, 10.0)
    assert engine.durable == commit


def test_wait_returns_at_once_for_what_is_durable(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    assert engine.wait(engine.durable, 0.0)
    assert engine.wait(0, 0.0)


def test_wait_returns_false_after_its_timeout(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        commit = engine.enqueue([message()]).commit
        assert not engine.wait(commit, 0.05)
    assert engine.wait(commit, 10.0)


def test_wait_lets_other_threads_run(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        commit = engine.enqueue([message()]).commit
        waiting = threading.Thread(target=engine.wait, args=(commit,))
        waiting.start()
        disk.wait_for_group()
        assert sum(range(100_000)) == 4_999_950_000  # this thread goes on while that one waits
        assert waiting.is_alive()
    waiting.join(10)
    assert not waiting.is_alive()


def test_one_sync_wakes_all_who_wait_for_it(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    woken: list[bool] = []
    with disk.held():
        commits = [engine.enqueue([message(n)]).commit for n in range(20)]
        threads = [threading.Thread(target=lambda c=c: woken.append(engine.wait(c, 30.0))) for c in commits]
        for thread in threads:
            thread.start()
        disk.wait_for_group()
        assert woken == []
    for thread in threads:
        thread.join(30)
    assert woken == [True] * 20


def test_a_job_can_be_claimed_as_soon_as_its_commit_is_durable(engine: Engine) -> None:
    engine.register([sub()])
    for n in range(200):
        engine.wait(engine.enqueue([message(n)]).commit)
        finish(engine, take_one(engine))


# ---------------------------------------------------------------- group commit


def test_commits_that_wait_together_share_one_group(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    quiet(engine)
    before = disk.groups
    with disk.held():
        engine.enqueue([message("alone")])
        disk.wait_for_group()
        commit = [engine.enqueue([message(n)]) for n in range(100)][-1].commit
    engine.wait(commit)
    assert disk.groups - before == 2


def test_a_group_holds_at_most_group_commits(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, group_commits=10)
    quiet(engine)
    before = disk.groups
    with disk.held():
        engine.enqueue([message("alone")])
        disk.wait_for_group()
        commit = [engine.enqueue([message(n)]) for n in range(100)][-1].commit
    engine.wait(commit)
    assert disk.groups - before == 1 + 10


def test_an_idle_enqueue_is_a_group_of_its_own_without_delay(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    quiet(engine)
    before = disk.groups
    for n in range(5):
        put(engine, n)
    assert disk.groups - before == 5


def test_jobs_of_a_group_become_ready_together_and_in_order(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    with disk.held():
        jobs = [engine.enqueue([message(n)]).receipts[0].job_ids[0] for n in range(50)]
    engine.wait(engine.committed)
    assert ids(take(engine)) == jobs


# ---------------------------------------------------------------- wake_fd


@pytest.fixture
def work(engine: Engine) -> Engine:
    """An engine with one subscription and no news."""
    engine.register([sub(retry=retrying(0))])
    quiet(engine)
    return engine


def test_wake_fd_is_quiet_when_there_is_nothing(work: Engine) -> None:
    assert not readable(work)


def test_wake_fd_is_readable_when_there_is_something_to_claim(work: Engine) -> None:
    put(work)
    assert readable(work, 10.0)


def test_wake_fd_stays_readable_until_it_is_acknowledged(work: Engine) -> None:
    put(work)
    assert readable(work, 10.0)
    assert readable(work)
    work.acknowledge()
    take(work)
    assert not readable(work)


def test_what_arrives_after_acknowledge_wakes_again(work: Engine) -> None:
    for n in range(50):
        put(work, n)
        assert readable(work, 10.0)
        work.acknowledge()
        finish(work, *take(work))
        work.acknowledge()
        assert not readable(work)


def test_wake_fd_is_quiet_after_the_last_job_was_settled(work: Engine) -> None:
    put_numbers(work, 10)
    work.acknowledge()
    finish(work, *take(work))
    quiet(work)
    assert take(work) == []
    assert not readable(work)


def test_a_place_that_becomes_free_wakes_for_the_job_that_waits_for_it(engine: Engine) -> None:
    engine.register([sub(concurrency=1)])
    put_numbers(engine, 2)
    job = take_one(engine)
    quiet(engine)
    engine.settle([Settlement(job.lease, Done())])
    assert readable(engine, 10.0)


@pytest.mark.parametrize("end", ["settle", "release"])
def test_a_place_of_the_engine_that_becomes_free_wakes_for_another_kind_and_subscription(rig: Rig, end: str) -> None:
    engine = rig.open(sub("a/left"), sub("b/right", kind="thread"), concurrency=1)
    put(engine, topic="left")
    put(engine, topic="right")
    job = take_one(engine)
    assert take(engine, kind="thread") == []
    quiet(engine)
    if end == "settle":
        engine.settle([Settlement(job.lease, Done())])
    else:
        engine.release("worker")
    assert readable(engine, 10.0)
    assert len(take(engine, kind="thread")) == 1


def test_a_watched_commit_wakes_when_it_is_durable(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    quiet(engine)
    with disk.held():
        commit = set_state(engine, "group", "key", 1).commit
        engine.watch(commit)
        disk.wait_for_group()
        assert not readable(engine)
    assert readable(engine, 10.0)
    assert engine.durable >= commit


def test_watching_a_commit_that_is_durable_already_wakes(engine: Engine) -> None:
    written = set_state(engine, "group", "key", 1)
    engine.wait(written.commit)
    quiet(engine)
    engine.watch(written.commit)
    assert readable(engine, 10.0)


def test_a_commit_that_nobody_watches_does_not_wake(work: Engine) -> None:
    work.wait(set_state(work, "group", "key", 1).commit)
    assert not readable(work)


def test_a_retried_dead_letter_wakes(work: Engine) -> None:
    job = kill_off(work)
    quiet(work)
    work.dead.retry(JobFilter(ids=(job,)))
    assert readable(work, 10.0)


def test_wake_fd_of_a_sleeping_reader_becomes_readable(work: Engine) -> None:
    woken: list[bool] = []
    reader = threading.Thread(target=lambda: woken.append(readable(work, 30.0)))
    reader.start()
    put(work)
    reader.join(30)
    assert woken == [True]
