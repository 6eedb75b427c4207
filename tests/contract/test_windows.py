"""Windows: a lane keeps a few ready jobs in memory and leaves the rest in the store, and nobody can tell."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from motia_fast.clock import SECOND
from motia_fast.contract import Done, Failed, JobFilter, Message, Released
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    done,
    drain,
    finish,
    ids,
    kill_off,
    message,
    put,
    put_all,
    put_numbers,
    quiet,
    readable,
    retrying,
    run,
    settle,
    sub,
    take,
    take_one,
    until,
    values,
    view,
)

if TYPE_CHECKING:
    from motia_fast.contract import Engine

WINDOW = 16


def at_rest(engine: Engine) -> None:
    """Ticks until there is nothing left to do for now."""

    def nothing_is_due() -> bool:
        engine.tick()
        return engine.next_due() != 0.0

    until(nothing_is_due)


@pytest.fixture
def small(rig: Rig) -> Engine:
    """An engine whose lanes keep 16 jobs in memory, with a step that retries once, after 5 s."""
    return rig.open(sub(retry=retrying(1, 5.0)), window_jobs=WINDOW)


def test_hundreds_of_jobs_pass_a_small_window_in_order(small: Engine) -> None:
    put_numbers(small, 500)
    assert values(drain(small, 500)) == list(range(500))
    assert small.inspect.jobs() == []


def test_the_order_holds_when_jobs_come_while_others_wait_in_the_store(small: Engine) -> None:
    came: list[object] = []
    for start in range(0, 400, 40):
        put_numbers(small, 40, start=start)
        came += values(drain(small, 10))
    came += values(drain(small, 300))
    assert came == list(range(400))


def test_the_order_holds_when_jobs_come_one_by_one_and_the_lane_runs_dry_in_between(small: Engine) -> None:
    came: list[object] = []
    for start in range(0, 200, 20):
        for n in range(start, start + 20):
            small.enqueue([message(n)])
        came += values(drain(small, 20))
    assert came == list(range(200))


def test_one_claim_may_reach_beyond_the_window(small: Engine) -> None:
    put_numbers(small, 100)
    assert values(run(small, 100, batch=100)) == list(range(100))


def test_running_jobs_do_not_come_twice_from_the_store(small: Engine) -> None:
    put_numbers(small, 200)
    running = list(run(small, 50, batch=10))
    rest = drain(small, 150)
    assert values(running) + values(rest) == list(range(200))
    finish(small, *running)
    assert small.inspect.jobs() == []


def test_a_window_bounds_bytes_as_well(rig: Rig) -> None:
    engine = rig.open(sub(), window_bytes=4_096)
    put_all(engine, [Message("jobs", b'"%03d%s"' % (n, b"x" * 1_000)) for n in range(100)])
    assert [payload[:3] for payload in values(drain(engine, 100))] == [f"{n:03}" for n in range(100)]


def test_a_payload_larger_than_the_window_passes(rig: Rig) -> None:
    engine = rig.open(sub(), window_bytes=100)
    put_all(engine, [Message("jobs", b'"%d%s"' % (n, b"x" * 1_000)) for n in range(5)])
    assert [payload[0] for payload in values(drain(engine, 5))] == ["0", "1", "2", "3", "4"]


def test_each_lane_has_its_own_window(rig: Rig) -> None:
    engine = rig.open(sub("a/left"), sub("b/right"), window_jobs=WINDOW)
    put_numbers(engine, 300, "left")
    put(engine, "quick", "right")
    assert "quick" in values(take(engine, 4))


def test_higher_priority_comes_first_although_the_lower_lane_has_spilled(small: Engine) -> None:
    put_numbers(small, 200)
    put(small, "urgent", priority=9)
    assert values([take_one(small)]) == ["urgent"]


def test_priorities_hold_within_the_window(small: Engine) -> None:
    put_all(small, [message(p, priority=p) for _ in range(60) for p in (2, 7)])
    came = values(drain(small, 120))
    assert came[:15] == [7] * 15  # the 16th is the oldest, and beyond the window it matters what was read back in time
    assert sorted(came) == [2] * 60 + [7] * 60


def test_failed_jobs_pass_the_window_again(rig: Rig, small: Engine) -> None:
    put_numbers(small, 100)
    for job in run(small, 100):
        settle(small, job, Failed(BOOM))
    rig.clock.advance(5.0)
    small.tick()
    again = drain(small, 100)
    assert sorted(values(again)) == list(range(100))
    assert {job.attempt for job in again} == {2}


def test_released_jobs_pass_the_window_again(small: Engine) -> None:
    put_numbers(small, 200)
    for job in run(small, 100):
        settle(small, job, Released())
    assert sorted(values(drain(small, 200))) == list(range(200))


def test_an_owner_may_release_more_jobs_than_a_window_holds(small: Engine) -> None:
    put_numbers(small, 100)
    list(run(small, 60))
    assert small.release("worker") == 60
    assert sorted(values(drain(small, 100))) == list(range(100))


def test_due_jobs_pass_the_window(rig: Rig) -> None:
    engine = rig.open(sub(), window_jobs=WINDOW)
    put_numbers(engine, 300, delay=10.0)
    put_numbers(engine, 50, start=300)
    rig.clock.advance(10.0)
    engine.tick()
    assert sorted(values(drain(engine, 350))) == list(range(350))
    assert engine.inspect.jobs() == []


@pytest.mark.parametrize("other", ["without places", "orphaned"])
def test_due_jobs_are_not_held_up_by_what_is_ready_for_another_subscription(rig: Rig, other: str) -> None:
    free = sub("free/right")
    engine = rig.open(sub("full/left", concurrency=1), sub("fuller/left", concurrency=1), free, window_jobs=WINDOW)
    put_numbers(engine, 100, "left")
    take(engine)
    put_numbers(engine, 100, "right", delay=10.0)
    if other == "orphaned":
        engine.register([free])
    rig.clock.advance(10.0)
    engine.tick()
    assert sorted(values(drain(engine, 100))) == list(range(100))


@pytest.mark.parametrize("other", ["without places", "orphaned"])
def test_due_jobs_are_not_held_up_by_what_was_due_before_for_another_subscription(rig: Rig, other: str) -> None:
    free = sub("free/right")
    engine = rig.open(sub("full/left", concurrency=1), free, window_jobs=WINDOW)
    put_numbers(engine, 100, "left", delay=5.0)
    put_numbers(engine, 100, "right", delay=10.0)
    rig.clock.advance(5.0)
    engine.tick()
    list(run(engine, 1))
    if other == "orphaned":
        engine.release("worker")
        engine.register([free])
    rig.clock.advance(5.0)
    engine.tick()
    assert sorted(values(drain(engine, 100))) == list(range(100))


def test_running_jobs_do_not_come_twice_when_the_wall_jumps_back_behind_them(rig: Rig) -> None:
    """What was scheduled earlier, by the new time, pushes the window back to before the rows of the running jobs."""
    engine = rig.open(sub(), window_jobs=4)
    put_numbers(engine, 2, run_at=rig.clock.now() + 10 * SECOND)
    rig.clock.advance(10.0)
    engine.tick()
    running = list(run(engine, 2))
    rig.clock.jump(-3_600.0)
    put_numbers(engine, 12, start=2, delay=10.0)
    for _ in range(4):
        rig.clock.advance(3_600.0)
        engine.tick()
    rest = drain(engine, 12)
    at_rest(engine)
    assert sorted(values(running + rest)) == list(range(14))
    assert take(engine) == []
    finish(engine, *running)
    assert engine.inspect.jobs() == []


def test_next_due_does_not_ask_for_ticks_that_can_do_nothing(rig: Rig) -> None:
    engine = rig.open(sub(concurrency=1), window_jobs=WINDOW)
    put_numbers(engine, 100)
    take_one(engine)
    put_numbers(engine, 100, delay=10.0)
    rig.clock.advance(10.0)

    at_rest(engine)  # a timer that is always due would spin


def test_retried_dead_letters_pass_the_window(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)), window_jobs=WINDOW)
    dead = kill_off(engine, "was dead")
    put_numbers(engine, 100)
    engine.wait(engine.dead.retry(JobFilter(ids=(dead,)))[0])
    came = values(drain(engine, 101))
    assert came.count("was dead") == 1
    assert [each for each in came if each != "was dead"] == list(range(100))


def test_orphans_pass_the_window_when_their_subscription_comes_back(rig: Rig) -> None:
    engine = rig.open(sub(), window_jobs=WINDOW)
    put_numbers(engine, 100)
    assert engine.register([]).orphans == {"work/jobs": 100}
    engine.register([sub()])
    assert values(drain(engine, 100)) == list(range(100))


def test_adopted_jobs_pass_the_window(rig: Rig) -> None:
    engine = rig.open(sub("old/jobs"), window_jobs=WINDOW)
    put_numbers(engine, 100)
    assert engine.register([sub("new/jobs", was=("old/jobs",))]).adopted == 100
    put_numbers(engine, 20, start=100)
    assert values(drain(engine, 120)) == list(range(120))


def test_unparked_messages_pass_the_window(rig: Rig) -> None:
    engine = rig.open(window_jobs=WINDOW)
    engine.wait(engine.enqueue([message(n) for n in range(100)]).commit)
    assert engine.register([sub()]).unparked == 100
    assert values(drain(engine, 100)) == list(range(100))


def test_a_restart_in_the_middle_loses_nothing_and_keeps_the_order(rig: Rig) -> None:
    engine = rig.open(sub(), window_jobs=WINDOW)
    put_numbers(engine, 300)
    came = values(drain(engine, 75))
    list(run(engine, 10))  # running at the stop
    engine = rig.reopen(sub(), window_jobs=WINDOW)
    put_numbers(engine, 30, start=300)
    came += values(drain(engine, 255))
    assert came == list(range(330))


def test_a_window_of_another_size_opens_what_was_spilled(rig: Rig) -> None:
    put_numbers(rig.open(sub(), window_jobs=WINDOW), 200)
    assert values(drain(rig.reopen(sub(), window_jobs=50), 100)) == list(range(100))
    assert values(drain(rig.reopen(sub()), 100)) == list(range(100, 200))


def test_a_kill_with_jobs_in_the_store_loses_nothing(rig: Rig) -> None:
    process = rig.start(sub(), window_jobs=WINDOW)
    process.put(*(message(n) for n in range(200)))
    process.settle(*done(process.call("claim", "worker", "async", 10)))
    process.kill()
    engine = rig.open(sub(), window_jobs=WINDOW)
    assert sorted(values(drain(engine, 190))) == list(range(10, 200))


def test_spilled_jobs_are_ready_for_lists_and_gauges(small: Engine) -> None:
    jobs = put_numbers(small, 100)
    listed = small.inspect.jobs(limit=1_000)
    assert ids(listed) == jobs
    assert {job.state for job in listed} == {"ready"}
    assert view(small, jobs[99]).state == "ready"
    assert counts(small).ready == 100
    take(small, 10)
    assert (counts(small).ready, counts(small).running) == (90, 10)


def test_places_hold_with_a_spilled_lane(rig: Rig) -> None:
    engine = rig.open(sub(concurrency=3), window_jobs=WINDOW)
    put_numbers(engine, 100)
    for expected in range(0, 99, 3):
        jobs = list(run(engine, 3))
        assert values(jobs) == [expected, expected + 1, expected + 2]
        assert take(engine) == []
        finish(engine, *jobs)


def test_an_engine_whose_windows_were_in_use_is_idle_when_they_are_empty(rig: Rig, small: Engine) -> None:
    put_numbers(small, 200)
    put_numbers(small, 100, start=200, delay=10.0)
    drain(small, 200)
    rig.clock.advance(10.0)
    small.tick()
    drain(small, 100)
    quiet(small)
    before = time.process_time()
    assert not readable(small, 0.5)
    assert time.process_time() - before < 0.1  # a thread that looks again and again takes all of the half second


def test_producers_and_a_worker_at_once_lose_and_double_nothing(small: Engine) -> None:
    def produce(part: int) -> None:
        for n in range(50):
            small.enqueue([message(1_000 * part + n)])

    threads = [threading.Thread(target=produce, args=(part,)) for part in range(6)]
    for thread in threads:
        thread.start()
    came = values(drain(small, 300))
    for thread in threads:
        thread.join(30)
    assert sorted(came) == [1_000 * part + n for part in range(6) for n in range(50)]
    for part in range(6):  # and each producer's own order holds
        assert [n for n in came if n // 1_000 == part] == [1_000 * part + n for n in range(50)]


def test_a_settled_job_does_not_come_back_from_the_store(small: Engine) -> None:
    put_numbers(small, 64)
    first = list(run(small, 40))
    for job in reversed(first):
        settle(small, job, Done())
    assert values(drain(small, 24)) == list(range(40, 64))
    assert take(small) == []
