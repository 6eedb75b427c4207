"""Inspection and statistics: snapshots for people, which lose nothing and show nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.clock import SECOND
from motia_fast.contract import (
    Died,
    Failed,
    Failure,
    Finished,
    JobFilter,
    Retried,
    Settlement,
    Skipped,
    Snoozed,
)
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    done,
    finish,
    ids,
    kill_off,
    message,
    only,
    put,
    put_numbers,
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
    from motia_fast.contract import Durability, Engine


@pytest.fixture
def work(engine: Engine) -> Engine:
    """An engine with two steps that retry."""
    engine.register([sub("work/jobs", retry=retrying(3)), sub("mail/mails", retry=retrying(3))])
    return engine


# ---------------------------------------------------------------- jobs


def test_jobs_lists_unfinished_jobs_in_every_state(work: Engine, clock: ManualClock) -> None:
    dead = put(work, "dead")
    settle(work, take_one(work), Died(BOOM))
    running, ready = put(work, "running"), put(work, "ready")
    scheduled = put(work, "scheduled", delay=60.0)
    take(work, 1)
    gone = put(work, "gone", "mails")
    finish(work, *[job for job in take(work) if job.id == gone])
    work.release("worker")
    take(work, 1)
    jobs = work.inspect.jobs()
    assert [(job.id, job.state) for job in jobs] == [
        (dead, "dead"),
        (running, "running"),
        (ready, "ready"),
        (scheduled, "scheduled"),
    ]
    assert [job.at for job in jobs] == [clock.now(), None, None, clock.now() + 60 * SECOND]
    assert values(jobs) == ["dead", "running", "ready", "scheduled"]


def test_jobs_are_filtered(work: Engine) -> None:
    first, second = put_numbers(work, 2)
    mail = put(work, topic="mails")
    assert take_one(work).id == first
    assert ids(work.inspect.jobs(JobFilter(state="running"))) == [first]
    assert ids(work.inspect.jobs(JobFilter(state="ready"))) == [second, mail]
    assert ids(work.inspect.jobs(JobFilter(state="dead"))) == []
    assert ids(work.inspect.jobs(only("mail/mails"))) == [mail]
    assert ids(work.inspect.jobs(JobFilter(step="work", state="ready"))) == [second]
    assert ids(work.inspect.jobs(JobFilter(ids=(first, mail)))) == [first, mail]


def test_jobs_are_listed_by_id_in_pages(work: Engine) -> None:
    jobs = put_numbers(work, 10)
    take(work, 3)
    assert ids(work.inspect.jobs(limit=4)) == jobs[:4]
    assert ids(work.inspect.jobs(limit=4, after=jobs[3])) == jobs[4:8]
    assert ids(work.inspect.jobs(limit=4, after=jobs[7])) == jobs[8:]


def test_a_page_of_none_is_empty(work: Engine) -> None:
    put(work)
    kill_off(work, topic="mails")
    assert work.inspect.jobs(limit=0) == work.dead.list(limit=0) == []


def test_jobs_of_a_step_are_found_whatever_its_name(engine: Engine) -> None:
    engine.register([sub("a/b/jobs", step="a/b", topic="jobs"), sub("a/b", step="a", topic="b")])
    job, other = put(engine), put(engine, topic="b")
    assert ids(engine.inspect.jobs(JobFilter(step="a/b"))) == [job]
    assert ids(engine.inspect.jobs(JobFilter(step="a"))) == [other]


def test_attempts_that_are_not_durable_yet_are_shown_with_their_time(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(retry=retrying(1)), disk=disk)
    job = kill_by_two_attempts(rig, engine)
    engine.wait(engine.dead.retry(JobFilter())[0])
    third = take_one(engine)
    with disk.held():
        engine.settle([Settlement(third.lease, Failed(Failure("E", "third")))])
        failed_at = rig.clock.now()
        rig.clock.advance(5.0)
        disk.wait_for_group()
        shown = view(engine, job).attempts
    assert [attempt.error.message for attempt in shown] == ["boom", "boom", "third"]
    assert [attempt.number for attempt in shown] == [1, 2, 3]
    assert shown[-1].at == failed_at
    engine.wait(engine.committed)
    assert view(engine, job).attempts == shown


def kill_by_two_attempts(rig: Rig, engine: Engine) -> int:
    job = put(engine)
    for _ in range(2):
        settle(engine, take_one(engine), Failed(BOOM))
        rig.clock.advance(10.0)
        engine.tick()
    assert view(engine, job).state == "dead"
    return job


def test_a_page_is_full_although_a_filter_leaves_jobs_out(work: Engine) -> None:
    for n in range(10):
        put(work, n, ("jobs", "mails")[n % 2])
    first = work.inspect.jobs(only("mail/mails"), limit=3)
    assert values(first) == [1, 3, 5]
    assert values(work.inspect.jobs(only("mail/mails"), limit=3, after=first[-1].id)) == [7, 9]


def test_job_shows_one_job_with_its_attempts(work: Engine, clock: ManualClock) -> None:
    job = put(work, "payload", priority=7)
    enqueued = clock.now()
    clock.advance(5.0)
    settle(work, take_one(work), Failed(BOOM))
    found = view(work, job)
    assert (found.id, found.subscription, found.state, found.priority) == (job, "work/jobs", "scheduled", 7)
    assert (found.attempt, found.crashes, found.enqueued, found.orphaned) == (1, 0, enqueued, False)
    assert [(each.number, each.at, each.error) for each in found.attempts] == [(1, clock.now(), BOOM)]


def test_job_of_an_unknown_id_is_none(work: Engine) -> None:
    assert work.inspect.job(10**9) is None


def test_no_list_loses_or_resurrects_what_waits_for_its_sync(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    settled, kept = put_numbers(engine, 2)
    job = take_one(engine)
    with disk.held():
        (new,) = engine.enqueue([message(2)]).receipts[0].job_ids
        engine.enqueue([message(3, "nowhere")])
        engine.settle(done([job]))
        disk.wait_for_group()
        assert ids(engine.inspect.jobs()) == [kept, new]
        assert engine.inspect.job(settled) is None
        assert view(engine, new).state == "ready"
        assert len(engine.inspect.parked()) == 1
        assert engine.inspect.history()[-1].id == settled


def test_parked_messages_are_listed_by_id_in_pages(engine: Engine, clock: ManualClock) -> None:
    sent = engine.enqueue([message(n, f"topic {n}") for n in range(5)])
    parked = [receipt.message_id for receipt in sent.receipts]
    found = engine.inspect.parked(limit=2)
    assert [each.message_id for each in found] == parked[:2]
    assert found[0].until == clock.now() + 7 * 86_400 * SECOND
    assert [each.message_id for each in engine.inspect.parked(limit=2, after=parked[1])] == parked[2:4]


def test_a_parked_message_goes_when_its_time_is_over(rig: Rig) -> None:
    engine = rig.open(parked_for=3_600.0)
    engine.wait(engine.enqueue([message(1)]).commit)
    assert engine.next_due() == pytest.approx(3_600.0)
    rig.clock.advance(3_600.0)
    engine.tick()
    assert engine.inspect.parked() == []
    assert engine.stats().parked == 0
    assert engine.register([sub()]).unparked == 0


def test_history_remembers_the_last_finished_jobs_oldest_first(work: Engine, clock: ManualClock) -> None:
    first, second = put_numbers(work, 2)
    for outcome in (Skipped("no need"), None):
        job = take_one(work)
        clock.advance(1.0)
        finish(work, job) if outcome is None else settle(work, job, outcome)
    now = clock.now()
    assert work.inspect.history() == [
        Finished(first, "work/jobs", "skipped", 1, now - SECOND),
        Finished(second, "work/jobs", "done", 1, now),
    ]


def test_history_is_bounded(rig: Rig) -> None:
    engine = rig.open(sub(), history=5)
    jobs = put_numbers(engine, 20)
    finish(engine, *take(engine))
    assert [each.id for each in engine.inspect.history()] == jobs[-5:]


def test_a_restart_forgets_the_history(rig: Rig) -> None:
    engine = rig.open(sub())
    put(engine)
    finish(engine, take_one(engine))
    assert rig.reopen(sub()).inspect.history() == []


def test_the_hot_path_goes_on_while_a_list_is_read(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    put_numbers(engine, 100)
    with disk.held():  # a reader does not wait for the committer, nor it for a reader
        engine.enqueue([message()])
        disk.wait_for_group()
        assert len(engine.inspect.jobs(limit=1_000)) == 101
        assert len(take(engine)) == 100


# ---------------------------------------------------------------- stats


def test_stats_name_the_engine_and_its_class(rig: Rig, durability: Durability) -> None:
    stats = rig.open(durability=durability).stats()
    assert (stats.engine, stats.durability) == (rig.name, durability)
    assert stats.data_dir in {str(rig.path), None}
    assert stats.boot > 0


def test_stats_count_what_became_of_runs(work: Engine, clock: ManualClock) -> None:
    put_numbers(work, 6)
    for outcome in (Skipped(""), Died(BOOM), Failed(BOOM), Retried(5.0, BOOM), Snoozed(5.0)):
        settle(work, take_one(work), outcome)
    finish(work, take_one(work))
    stats = counts(work)
    assert (stats.enqueued, stats.done, stats.skipped, stats.snoozed) == (6, 1, 1, 1)
    assert (stats.failed, stats.retried, stats.died) == (3, 2, 1)
    assert (stats.ready, stats.running, stats.scheduled, stats.dead) == (0, 0, 3, 1)
    clock.advance(60.0)
    work.tick()
    assert (counts(work).ready, counts(work).scheduled) == (3, 0)


def test_stats_list_every_declared_subscription(work: Engine) -> None:
    found = {each.subscription: (each.step, each.topic) for each in work.stats().subscriptions}
    assert found == {"work/jobs": ("work", "jobs"), "mail/mails": ("mail", "mails")}


def test_gauges_are_right_after_a_restart(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)))
    kill_off(engine)
    put_numbers(engine, 3)
    put(engine, delay=60.0)
    take_one(engine)
    stats = counts(rig.reopen(sub()))
    assert (stats.ready, stats.scheduled, stats.running, stats.dead) == (3, 1, 0, 1)
    assert (stats.enqueued, stats.failed) == (0, 0)  # counters start anew


def test_wait_and_run_times_are_measured_on_the_engine_s_clock(work: Engine, clock: ManualClock) -> None:
    put(work)
    clock.advance(3.0)
    job = take_one(work)
    clock.advance(7.0)
    finish(work, job)
    stats = counts(work)
    assert sum(stats.wait.counts) == sum(stats.run.counts) == 1
    assert stats.wait.total == pytest.approx(3.0)
    assert stats.run.total == pytest.approx(7.0)
    assert len(stats.run.counts) == len(stats.run.bounds) + 1


def test_oldest_is_how_long_the_oldest_ready_job_has_waited(work: Engine, clock: ManualClock) -> None:
    assert counts(work).oldest == 0.0
    put(work)
    clock.advance(5.0)
    put(work)
    clock.advance(5.0)
    assert counts(work).oldest == pytest.approx(10.0)
    finish(work, *take(work))
    assert counts(work).oldest == 0.0


def test_stats_show_how_far_durable_is_behind(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    put(engine)
    with disk.held():
        engine.enqueue([message(1), message(2)])
        disk.wait_for_group()
        stats = engine.stats()
    assert stats.committed == stats.durable + 1
    assert stats.pending_operations == 2


def test_stats_measure_groups_and_files(rig: Rig) -> None:
    engine = rig.open(sub())
    put_numbers(engine, 100)
    put(engine)
    stats = engine.stats()
    assert sum(stats.group.counts) == sum(stats.sync.counts) >= 2
    assert stats.group.total >= 2
    assert stats.database_bytes > 0
    assert stats.wal_bytes >= 0
    assert stats.free_pages >= 0


def test_stats_say_when_the_disk_is_low(rig: Rig) -> None:
    assert not rig.open().stats().disk_low
    assert rig.reopen(min_free_disk=1 << 62).stats().disk_low
