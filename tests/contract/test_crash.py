"""Killed processes: what was acknowledged is there, and the job that kills its process is found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.contract import Failed, JobFilter, Settlement, Snoozed, StateWrite
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    done,
    finish,
    ids,
    message,
    put_numbers,
    quiet,
    readable,
    retrying,
    settle,
    sub,
    take,
    take_one,
    until,
    values,
    view,
)

if TYPE_CHECKING:
    from motia_fast.contract import Job, Kind
    from tests.contract.process import EngineProcess


BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def claim(process: EngineProcess, limit: int = 100) -> list[Job]:
    jobs: list[Job] = process.call("claim", "worker", "async", limit)
    return jobs


def crash_while_running(rig: Rig, times: int = 1, **options: Any) -> None:
    """Kills a process that runs whatever it can claim, some times in a row."""
    for _ in range(times):
        process = rig.start(sub(**options))
        assert claim(process)
        process.kill()


# ---------------------------------------------------------------- nothing is lost


def test_whatever_was_durable_survives_a_kill_at_any_moment(rig: Rig) -> None:
    acknowledged: set[int] = set()
    for _ in range(3):
        process = rig.start(sub())
        process.send("pour", "jobs")
        for _ in range(200):
            number = process.receive()
            if number is not None:
                acknowledged.add(number)
        process.kill()
        engine = rig.open(sub())
        found = values(engine.inspect.jobs(limit=1_000_000))
        assert acknowledged <= set(found)
        rig.close()


def test_after_a_kill_the_engine_is_a_prefix_of_the_order_of_commits(rig: Rig) -> None:
    process = rig.start()
    for n in range(100):  # none of them is waited for
        process.call("state.write", [StateWrite("g", "counter", b"%d" % n), StateWrite("g", f"k{n}", b"1")])
    process.kill()
    engine = rig.open()
    items = {each.key: each.value for each in engine.state.items("g")}
    if items:
        last = int(items.pop("counter"))
        assert sorted(items) == sorted(f"k{n}" for n in range(last + 1))


def test_a_settlement_is_whole_or_not_at_all_after_a_kill(rig: Rig) -> None:
    process = rig.start(sub(), sub("next/follow"))
    process.put(*(message(n) for n in range(50)))
    for job in claim(process):  # not waited for: the kill comes somewhere in between
        effects = (message(job.id, "follow"), StateWrite("done", str(job.id), b"1"))
        process.call("settle", [Settlement(job.lease, done([job])[0].outcome, effects)])
    process.kill()
    engine = rig.open(sub(), sub("next/follow"))
    left = {job.id for job in engine.inspect.jobs(JobFilter(step="work"), limit=1_000)}
    followed = set(values(engine.inspect.jobs(JobFilter(step="next"), limit=1_000)))
    stored = {int(each.key) for each in engine.state.items("done")}
    assert followed == stored
    assert len(left) + len(followed) == 50
    assert not left & followed


def test_a_kill_right_after_open_leaves_everything_as_it_was(rig: Rig) -> None:
    jobs = put_numbers(rig.open(sub()), 10)
    rig.close()
    for _ in range(3):
        rig.start(sub()).kill()
    assert ids(take(rig.open(sub()))) == jobs


# ---------------------------------------------------------------- the crash rule


def test_a_job_that_was_running_in_a_crash_runs_again_without_counting_an_attempt(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(message("running"), message("waiting"))
    (job,) = claim(process, 1)
    process.kill()
    engine = rig.open(sub())
    jobs = {job.payload: (job.attempt, job.crashes) for job in take(engine)}
    assert jobs == {b'"running"': (1, 1), b'"waiting"': (1, 0)}
    assert view(engine, job.id).crashes == 1


def test_a_job_that_was_settled_before_a_crash_was_not_running(rig: Rig) -> None:
    process = rig.start(sub(retry=retrying(3, 0.0)))
    process.put(message(1), message(2))
    first, second = claim(process)
    process.settle(Settlement(first.lease, Failed(BOOM)), Settlement(second.lease, Snoozed(0.0)))
    process.kill()
    engine = rig.open(sub())
    assert [job.crashes for job in engine.inspect.jobs()] == [0, 0]


def test_a_clean_close_is_no_crash(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(message(1))
    claim(process)
    process.call("close")
    process.kill()
    assert [job.crashes for job in take(rig.open(sub()))] == [0]


def test_jobs_that_were_running_in_a_crash_run_one_at_a_time_among_themselves(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(*(message(n) for n in range(5)))
    claim(process, 3)
    process.kill()
    engine = rig.open(sub())
    first = take(engine)
    assert sorted(job.crashes for job in first) == [0, 0, 1]  # the neighbours run beside one of the suspects
    seen = {job.id for job in first if job.crashes}
    suspect = next(job for job in first if job.crashes)
    for _ in range(2):
        assert take(engine) == []
        finish(engine, suspect)
        suspect = take_one(engine)
        assert suspect.crashes == 1
        seen.add(suspect.id)
    finish(engine, suspect)
    assert len(seen) == 3


def test_suspects_run_one_at_a_time_over_all_subscriptions_and_kinds(rig: Rig) -> None:
    steps = (sub("a/jobs"), sub("b/jobs", kind="thread"))
    process = rig.start(*steps)
    process.put(message(1))
    claim(process)
    process.call("claim", "threads", "thread", 1)
    process.kill()
    engine = rig.open(*steps)
    first = take(engine) + take(engine, kind="thread")
    assert len(first) == 1
    finish(engine, first[0])
    second = take(engine) + take(engine, kind="thread")
    assert [job.id for job in second] != [first[0].id]
    assert len(second) == 1


@pytest.mark.parametrize("second", ["async", "thread"])
def test_the_end_of_one_suspect_wakes_for_the_next(rig: Rig, second: Kind) -> None:
    steps = (sub("a/left"), sub("b/right", kind=second))
    process = rig.start(*steps)
    process.put(message(1, "left"), message(2, "right"))
    claim(process)
    process.call("claim", "worker", "thread", 1)
    process.kill()
    engine = rig.open(*steps)
    (suspect,) = take(engine)
    assert take(engine, kind=second) == []
    quiet(engine)
    finish(engine, suspect)
    assert readable(engine, 10.0)
    assert len(take(engine, kind=second)) == 1


def test_a_suspect_that_was_settled_does_not_come_back_while_its_settle_waits_for_the_disk(
    rig: Rig, disk: Disk
) -> None:
    """The story: its row was found again by the reader of due jobs, which only knew that it did not run any more."""
    engine = rig.open(sub(), window_jobs=2)
    jobs = put_numbers(engine, 2)
    take(engine)
    jobs += put_numbers(engine, 6, start=2, delay=10.0)
    rig.clock.advance(60.0)  # what was delayed is due before the crash, and fills the window
    engine = rig.crash(sub(), window_jobs=2, disk=disk)
    came: list[int] = []

    def at_rest() -> bool:
        engine.tick()
        claimed = take(engine, 1)
        came.extend(ids(claimed))
        engine.settle(done(claimed))
        return len(came) >= len(jobs) and not claimed and engine.next_due() is None

    with disk.held():
        until(at_rest)
    until(at_rest)
    assert sorted(came) == jobs
    assert engine.inspect.jobs() == []


def test_a_job_that_kills_its_process_three_times_is_dead_as_crashed(rig: Rig) -> None:
    jobs = put_numbers(rig.open(sub()), 1)
    rig.close()
    crash_while_running(rig, 3)
    engine = rig.open(sub())
    (dead,) = engine.dead.list()
    assert (dead.id, dead.crashes, dead.attempts[-1].error.reason) == (jobs[0], 3, "crashed")
    assert take(engine) == []


def test_a_retried_dead_letter_starts_with_a_clean_count(rig: Rig) -> None:
    put_numbers(rig.open(sub()), 1)
    rig.close()
    crash_while_running(rig, 3)
    engine = rig.open(sub())
    engine.wait(engine.dead.retry(JobFilter())[0])
    assert take_one(engine).crashes == 0
    rig.close()
    crash_while_running(rig, 2)
    assert [job.crashes for job in take(rig.open(sub()))] == [2]


def test_max_crashes_says_how_often(rig: Rig) -> None:
    put_numbers(rig.open(sub(), max_crashes=1), 1)
    rig.close()
    crash_while_running(rig, 1)
    assert len(rig.open(sub(), max_crashes=1).dead.list()) == 1


def test_the_guilty_job_is_the_only_dead_letter_while_its_neighbours_finish(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(*(message("guilty" if n == 7 else n) for n in range(20)))
    process.kill()
    for _ in range(20):  # each life: runs what it gets, side by side, until the guilty one runs
        process = rig.start(sub())
        while jobs := claim(process):
            if b'"guilty"' in [job.payload for job in jobs]:
                break
            process.settle(*done(jobs))
        process.kill()
        if not jobs:
            break
    engine = rig.open(sub())
    assert values(engine.dead.list()) == ["guilty"]
    assert values(engine.inspect.jobs()) == ["guilty"]


def test_a_settle_resets_the_count_of_crashes(rig: Rig) -> None:
    policy = retrying(9, 0.0)
    put_numbers(rig.open(sub(retry=policy)), 1)
    rig.close()
    crash_while_running(rig, 2, retry=policy)
    engine = rig.open(sub(retry=policy))
    job = take_one(engine)
    assert job.crashes == 2
    settle(engine, job, Failed(BOOM))
    engine.tick()
    assert take_one(engine).crashes == 0


def test_crashes_are_counted_in_the_first_commit_after_open(rig: Rig) -> None:
    put_numbers(rig.open(sub()), 1)
    rig.close()
    crash_while_running(rig, 1)
    rig.start().kill()  # opens, and is killed before anything else happens
    assert [job.crashes for job in take(rig.open(sub()))] == [1]


def test_only_the_jobs_that_ran_at_the_kill_are_suspects(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(*(message(n) for n in range(300)))
    first = claim(process, 100)
    process.settle(*done(first[:50]))
    second = claim(process, 50)
    process.settle(*done(second))
    third = claim(process, 1)
    process.kill()
    engine = rig.open(sub())
    suspects = [job.id for job in engine.inspect.jobs(limit=1_000) if job.crashes]
    assert suspects == ids(first[50:]) + ids(third)


@pytest.mark.parametrize("durability", ["sync", "os"])
def test_the_crash_rule_holds_in_every_class_that_has_a_file(rig: Rig, durability: str) -> None:
    process = rig.start(sub(), durability=durability)
    process.put(message(1))
    claim(process)
    process.kill()
    assert [job.crashes for job in take(rig.open(sub(), durability=durability))] == [1]


def test_running_names_the_jobs_of_this_life_only(rig: Rig) -> None:
    put_numbers(rig.open(sub()), 1)
    rig.close()
    crash_while_running(rig, 1)
    rig.start(sub()).kill()  # in this life nothing ran
    rig.start(sub()).kill()
    assert [job.crashes for job in take(rig.open(sub()))] == [1]


def test_jobs_that_ran_when_the_machine_went_down_are_no_suspects(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(message(1))
    claim(process)
    process.kill()
    with (rig.path / "running").open("r+b") as file:  # 8 bytes of magic, then 32 that name the machine's boot
        file.seek(8)
        file.write(b"f" * 32)
    assert [job.crashes for job in take(rig.open(sub()))] == [0]


@pytest.mark.skipif(not BOOT_ID.exists(), reason="the machine does not say which boot this is")
def test_the_file_of_running_jobs_names_this_boot_of_the_machine(rig: Rig) -> None:
    rig.open()
    assert (rig.path / "running").read_bytes()[8:40] == BOOT_ID.read_text().strip().replace("-", "").encode()


def test_the_file_of_running_jobs_is_there_and_small(rig: Rig) -> None:
    engine = rig.open(sub())
    put_numbers(engine, 1_000)
    for _ in range(10):
        finish(engine, *take(engine, 100))
    assert (rig.path / "running").stat().st_size < 100_000
