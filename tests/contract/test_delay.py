"""Delays run on the clock that only grows, `run_at` follows the wall, which may jump."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.clock import SECOND
from tests.contract.rig import Rig
from tests.contract.verbs import counts, drain, ids, put, put_numbers, quiet, readable, sub, take, values, view

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine

DAY = 86_400.0


@pytest.fixture
def work(engine: Engine) -> Engine:
    """An engine with one subscription, without a delay of its own."""
    engine.register([sub()])
    return engine


def test_a_delayed_job_is_scheduled_until_its_delay_is_over(work: Engine, clock: ManualClock) -> None:
    job = put(work, delay=10.0)
    assert (view(work, job).state, view(work, job).at) == ("scheduled", clock.now() + 10 * SECOND)
    clock.advance(9.999)
    work.tick()
    assert take(work) == []
    clock.advance(0.001)
    work.tick()
    assert (view(work, job).state, view(work, job).at) == ("ready", None)
    assert ids(take(work)) == [job]


def test_time_alone_does_nothing_without_a_tick(work: Engine, clock: ManualClock) -> None:
    put(work, delay=10.0)
    clock.advance(10.0)
    assert take(work) == []


def test_a_subscription_s_delay_holds_for_its_jobs(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(delay=10.0)])
    job = put(engine)
    assert view(engine, job).state == "scheduled"
    clock.advance(10.0)
    engine.tick()
    assert ids(take(engine)) == [job]


def test_a_message_s_delay_overrides_its_subscription_s(engine: Engine) -> None:
    engine.register([sub(delay=10.0)])
    job = put(engine, delay=0.0)
    assert ids(take(engine)) == [job]


def test_a_message_s_time_overrides_its_subscription_s_delay(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(delay=10.0)])
    job = put(engine, run_at=clock.now() + 1)
    assert take(engine) == []
    clock.advance(0.000_001)
    engine.tick()
    assert ids(take(engine)) == [job]


def test_run_at_in_the_past_is_ready_at_once(work: Engine, clock: ManualClock) -> None:
    job = put(work, run_at=clock.now() - 1)
    assert ids(take(work)) == [job]


# ---------------------------------------------------------------- jumps of the wall


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_jump_of_the_wall_neither_shortens_nor_lengthens_a_delay(
    work: Engine, clock: ManualClock, jump: float
) -> None:
    job = put(work, delay=10.0)
    clock.jump(jump)
    work.tick()
    assert take(work) == []
    assert work.next_due() == pytest.approx(10.0)
    clock.advance(10.0)
    work.tick()
    assert ids(take(work)) == [job]


def test_run_at_comes_when_the_wall_jumps_past_it(work: Engine, clock: ManualClock) -> None:
    job = put(work, run_at=clock.now() + 10 * SECOND)
    clock.jump(10.0)
    work.tick()
    assert ids(take(work)) == [job]


def test_run_at_waits_longer_when_the_wall_jumps_back(work: Engine, clock: ManualClock) -> None:
    job = put(work, run_at=clock.now() + 10 * SECOND)
    clock.jump(-DAY)
    clock.advance(10.0)
    work.tick()
    assert take(work) == []
    clock.advance(DAY)
    work.tick()
    assert ids(take(work)) == [job]


def test_a_delay_goes_on_over_a_restart_on_wall_time(rig: Rig) -> None:
    job = put(rig.open(sub()), delay=100.0)
    rig.clock.advance(40.0)
    rig.close()
    rig.clock.jump(50.0)  # the machine is off
    engine = rig.reopen(sub())
    engine.tick()
    assert view(engine, job).state == "scheduled"
    rig.clock.advance(10.0)
    engine.tick()
    assert ids(take(engine)) == [job]


def test_what_falls_due_while_nothing_runs_is_ready_after_open(rig: Rig) -> None:
    job = put(rig.open(sub()), delay=100.0)
    rig.close()
    rig.clock.jump(1_000.0)
    engine = rig.reopen(sub())
    engine.tick()
    assert ids(take(engine)) == [job]


# ---------------------------------------------------------------- next_due and waking


def test_next_due_is_none_when_nothing_waits_for_time(work: Engine) -> None:
    assert work.next_due() is None
    put(work)
    assert work.next_due() is None


def test_next_due_is_the_time_until_the_first_thing_is_due(work: Engine, clock: ManualClock) -> None:
    put(work, delay=30.0)
    put(work, run_at=clock.now() + 20 * SECOND)
    assert work.next_due() == pytest.approx(20.0)
    clock.advance(15.0)
    assert work.next_due() == pytest.approx(5.0)


def test_next_due_is_zero_when_something_is_overdue(work: Engine, clock: ManualClock) -> None:
    put(work, delay=10.0)
    clock.advance(60.0)
    assert work.next_due() == 0.0


def test_next_due_is_none_again_when_all_of_it_was_done(work: Engine, clock: ManualClock) -> None:
    put(work, delay=10.0)
    clock.advance(10.0)
    work.tick()
    quiet(work)
    assert work.next_due() is None


def test_a_tick_that_makes_a_job_ready_wakes(work: Engine, clock: ManualClock) -> None:
    put(work, delay=10.0)
    quiet(work)
    clock.advance(9.0)
    work.tick()
    assert not readable(work)
    clock.advance(1.0)
    work.tick()
    assert readable(work, 10.0)


def test_a_job_that_is_due_sooner_than_all_others_wakes(work: Engine) -> None:
    put(work, delay=60.0)
    quiet(work)
    put(work, delay=10.0)  # whoever sleeps until the first one must sleep less
    assert readable(work, 10.0)


def test_many_jobs_due_at_once_all_become_ready(work: Engine, clock: ManualClock) -> None:
    put_numbers(work, 500, delay=10.0)
    assert counts(work).scheduled == 500
    clock.advance(10.0)
    work.tick()
    assert sorted(values(drain(work, 500))) == list(range(500))
    assert counts(work).scheduled == 0


def test_jobs_due_at_different_times_come_in_the_order_of_their_times(work: Engine, clock: ManualClock) -> None:
    for n in (3, 1, 2):
        put(work, n, delay=float(n))
    came: list[object] = []
    for _ in range(3):
        clock.advance(1.0)
        work.tick()
        came += values(take(work))
    assert came == [1, 2, 3]
