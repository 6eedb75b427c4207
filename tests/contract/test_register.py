"""`register`: the whole set of subscriptions, what was waiting for one, and what is left without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.conditions import F
from motia_fast.contract import Died, Done, Failed, JobFilter, Registered
from motia_fast.errors import MotiaError
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    drain,
    finish,
    ids,
    message,
    only,
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
    from motia_fast.contract import Engine


def test_register_declares_the_whole_set(engine: Engine) -> None:
    assert engine.register([sub("a/jobs"), sub("b/jobs"), sub("c/mail")]) == Registered({}, 0, 0)
    put(engine, topic="jobs")
    put(engine, topic="mail")
    assert sorted(job.subscription for job in take(engine)) == ["a/jobs", "b/jobs", "c/mail"]


def test_register_replaces_the_route_table_at_once(engine: Engine) -> None:
    engine.register([sub("old/jobs")])
    engine.register([sub("new/jobs")])
    put(engine)
    assert take_one(engine).subscription == "new/jobs"


def test_registering_the_same_set_again_disturbs_nothing(engine: Engine) -> None:
    engine.register([sub()])
    first, second = put_numbers(engine, 2)
    running = take_one(engine)
    assert engine.register([sub()]) == Registered({}, 0, 0)
    assert ids(take(engine)) == [second]
    settle(engine, running, Done())
    assert engine.inspect.job(first) is None


def test_register_applies_changed_options_to_waiting_jobs(engine: Engine) -> None:
    engine.register([sub(concurrency=1, retry=retrying(3))])
    put_numbers(engine, 3)
    engine.register([sub(concurrency=2, retry=retrying(0))])
    job, _ = take(engine)
    settle(engine, job, Failed(BOOM))
    assert view(engine, job.id).state == "dead"


def test_register_hands_waiting_jobs_to_the_kind_that_is_declared_now(engine: Engine) -> None:
    engine.register([sub(kind="async")])
    jobs = put_numbers(engine, 3)
    running = take_one(engine)
    engine.register([sub(kind="thread")])
    assert take(engine, kind="async") == []
    assert ids(take(engine, kind="thread")) == jobs[1:]
    settle(engine, running, Failed(BOOM))
    assert view(engine, running.id).state == "scheduled"


def test_a_set_that_cannot_be_changes_nothing(engine: Engine) -> None:
    engine.register([sub()])
    job = put(engine)
    for wrong in ([sub("new/jobs"), sub("new/jobs")], [sub("new/jobs", was=("work/jobs",), condition=b"nonsense")]):
        with pytest.raises((MotiaError, ValueError)):
            engine.register(wrong)
    second = put(engine)
    assert [(each.id, each.subscription) for each in take(engine)] == [(job, "work/jobs"), (second, "work/jobs")]


def test_nothing_is_handed_out_before_register(rig: Rig) -> None:
    job = put(rig.open(sub()))
    engine = rig.reopen()
    assert take(engine) == []
    engine.register([sub()])
    assert ids(take(engine)) == [job]


# ---------------------------------------------------------------- orphans


def test_jobs_of_an_undeclared_subscription_are_orphaned_and_counted(engine: Engine) -> None:
    engine.register([sub("work/jobs"), sub("keep/jobs")])
    put_numbers(engine, 2)
    put(engine, 2, delay=60.0)
    assert engine.register([sub("keep/jobs")]).orphans == {"work/jobs": 3}


def test_orphans_are_counted_after_a_restart_too(rig: Rig) -> None:
    put_numbers(rig.open(sub()), 3)
    assert rig.reopen().register([sub("other/jobs")]).orphans == {"work/jobs": 3}


def test_orphans_are_kept_and_not_handed_out(engine: Engine) -> None:
    engine.register([sub("work/jobs")])
    put_numbers(engine, 3)
    engine.register([sub("other/jobs")])
    assert take(engine) == []
    assert counts(engine).ready == 3


def test_orphans_are_listed_as_orphaned(engine: Engine) -> None:
    engine.register([sub("work/jobs"), sub("keep/jobs")])
    put(engine)
    engine.register([sub("keep/jobs")])
    assert [(job.subscription, job.orphaned) for job in engine.inspect.jobs()] == [
        ("work/jobs", True),
        ("keep/jobs", False),
    ]
    assert counts(engine, "work/jobs").orphaned
    assert not counts(engine, "keep/jobs").orphaned


def test_orphans_run_when_their_subscription_comes_back(engine: Engine) -> None:
    engine.register([sub()])
    jobs = put_numbers(engine, 3)
    engine.register([])
    quiet(engine)
    assert engine.register([sub()]).orphans == {}
    assert readable(engine, 10.0)
    assert ids(take(engine)) == jobs


def test_orphans_that_fall_due_meanwhile_run_when_their_subscription_comes_back(
    engine: Engine, clock: ManualClock
) -> None:
    engine.register([sub()])
    job = put(engine, delay=60.0)
    engine.register([])
    clock.advance(60.0)
    engine.tick()
    assert take(engine) == []
    engine.register([sub()])
    engine.tick()
    assert ids(take(engine)) == [job]


def test_a_running_job_can_be_settled_after_its_subscription_is_gone(engine: Engine) -> None:
    engine.register([sub()])
    good, bad = put_numbers(engine, 2)
    first, second = take(engine)
    engine.register([])
    settle(engine, first, Done())
    settle(engine, second, Failed(BOOM))
    assert engine.inspect.job(good) is None
    assert view(engine, bad).orphaned


# ---------------------------------------------------------------- was


def test_was_adopts_a_renamed_subscription_s_jobs(engine: Engine) -> None:
    engine.register([sub("old/jobs")])
    ready = put_numbers(engine, 2)
    scheduled = put(engine, delay=60.0)
    registered = engine.register([sub("new/jobs", was=("old/jobs",))])
    assert registered.adopted == 3
    assert registered.orphans == {}
    assert {job.subscription for job in engine.inspect.jobs()} == {"new/jobs"}
    assert ids(take(engine)) == ready
    assert view(engine, scheduled).state == "scheduled"


def test_adopted_jobs_stay_adopted_over_a_restart(rig: Rig) -> None:
    jobs = put_numbers(rig.open(sub("old/jobs")), 3)
    engine = rig.reopen()
    assert engine.register([sub("new/jobs", was=("old/jobs",))]).adopted == 3
    engine = rig.reopen()
    assert engine.register([sub("new/jobs")]).orphans == {}
    assert ids(take(engine)) == jobs


def test_adopted_jobs_stay_adopted_after_a_kill(rig: Rig) -> None:
    jobs = put_numbers(rig.open(sub("old/jobs")), 3)
    rig.close()
    process = rig.start(sub("new/jobs", was=("old/jobs",)))
    process.put(message(3))  # a later commit is durable, and so is what `register` did before
    process.kill()
    engine = rig.open(sub("new/jobs"))
    assert ids(take(engine))[:3] == jobs


def test_was_adopts_dead_letters_with_their_attempts(engine: Engine) -> None:
    engine.register([sub("old/jobs")])
    job = put(engine)
    settle(engine, take_one(engine), Died(BOOM))
    engine.register([sub("new/jobs", was=("old/jobs",))])
    (dead,) = engine.dead.list(only("new/jobs"))
    assert dead.id == job
    assert [attempt.error for attempt in dead.attempts] == [BOOM]
    assert engine.dead.list(only("old/jobs")) == []


def test_was_adopts_running_jobs(engine: Engine) -> None:
    engine.register([sub("old/jobs", retry=retrying(1))])
    job = put(engine)
    running = take_one(engine)
    engine.register([sub("new/jobs", was=("old/jobs",), retry=retrying(1))])
    settle(engine, running, Failed(BOOM))
    assert (view(engine, job).subscription, view(engine, job).state) == ("new/jobs", "scheduled")


def test_was_takes_several_former_names(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs")])
    put(engine)
    assert engine.register([sub("c/jobs", was=("a/jobs", "b/jobs"))]).adopted == 2


def test_adopted_jobs_come_before_newer_ones(engine: Engine) -> None:
    engine.register([sub("old/jobs")])
    put_numbers(engine, 2)
    engine.register([sub("new/jobs", was=("old/jobs",))])
    put_numbers(engine, 2, start=2)
    assert values(take(engine)) == [0, 1, 2, 3]


def test_was_adopts_into_a_subscription_that_has_jobs_already(rig: Rig) -> None:
    engine = rig.open(sub("old/jobs"), window_jobs=4)
    put_numbers(engine, 10)
    put(engine, "later", delay=60.0)
    engine.register([sub("new/jobs")])
    put_numbers(engine, 10, start=10)
    assert engine.register([sub("new/jobs", was=("old/jobs",))]) == Registered({}, 11, 0)
    put_numbers(engine, 10, start=20)
    assert values(drain(engine, 30)) == list(range(30))
    rig.clock.advance(60.0)
    engine.tick()
    assert values(take(engine)) == ["later"]


def test_was_of_a_name_that_never_was_changes_nothing(engine: Engine) -> None:
    assert engine.register([sub(was=("never/jobs",))]) == Registered({}, 0, 0)


# ---------------------------------------------------------------- parked messages


def test_parked_messages_that_now_match_are_routed(engine: Engine) -> None:
    sent = engine.enqueue([message(n, meta=b'{"n":1}') for n in range(3)])
    engine.wait(sent.commit)
    assert engine.register([sub("a/jobs"), sub("b/jobs")]).unparked == 3
    assert engine.inspect.parked() == []
    jobs = take(engine)
    assert sorted(values(jobs)) == [0, 0, 1, 1, 2, 2]
    assert {job.message_id for job in jobs} == {receipt.message_id for receipt in sent.receipts}
    assert {job.meta for job in jobs} == {b'{"n":1}'}


def test_unparked_messages_keep_their_order(engine: Engine) -> None:
    for n in range(5):
        engine.enqueue([message(n)])
    engine.register([sub()])
    quiet(engine)
    assert values(take(engine)) == [0, 1, 2, 3, 4]


def test_unparked_messages_are_routed_once(rig: Rig) -> None:
    engine = rig.open()
    engine.wait(engine.enqueue([message(1)]).commit)
    assert rig.reopen().register([sub()]).unparked == 1
    engine = rig.reopen()
    assert engine.register([sub()]).unparked == 0
    finish(engine, take_one(engine))
    assert take(rig.reopen(sub())) == []


def test_unparked_messages_keep_their_priority_and_time(engine: Engine, clock: ManualClock) -> None:
    for each in (message("low", priority=1), message("high", priority=9), message("later", delay=60.0)):
        engine.wait(engine.enqueue([each]).commit)
    engine.register([sub()])
    quiet(engine)
    assert values(take(engine)) == ["high", "low"]
    clock.advance(60.0)
    engine.tick()
    assert values(take(engine)) == ["later"]


def test_messages_that_no_condition_takes_stay_parked(engine: Engine) -> None:
    engine.enqueue([message({"amount": 1}), message({"amount": 5000})])
    assert engine.register([sub(condition=(F.amount > 1000).to_json())]).unparked == 1
    assert [each.payload for each in engine.inspect.parked()] == [b'{"amount": 1}']


def test_messages_to_other_topics_stay_parked(engine: Engine) -> None:
    engine.enqueue([message(1, "jobs"), message(2, "mail")])
    assert engine.register([sub()]).unparked == 1
    assert [each.topic for each in engine.inspect.parked()] == ["mail"]


def test_a_subscription_that_takes_jobs_by_name_only_unparks_nothing(engine: Engine) -> None:
    engine.enqueue([message(1, "jobs")])
    assert engine.register([sub("clock/cron", topic="", source="cron")]).unparked == 0
    assert engine.inspect.jobs(JobFilter()) == []
