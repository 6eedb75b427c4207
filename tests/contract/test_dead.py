"""Dead letters: listed, shown, retried, purged, kept for a while, and told to a topic."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.contract import Died, Failure, JobFilter, Settlement
from motia_fast.errors import PayloadTooLarge
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import (
    BOOM,
    counts,
    drain,
    fail,
    finish,
    ids,
    kill_off,
    message,
    only,
    put,
    put_all,
    put_numbers,
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
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine, Job

DEAD = JobFilter()


@pytest.fixture
def work(engine: Engine) -> Engine:
    """An engine with two steps without retries."""
    engine.register([sub("work/jobs", retry=retrying(0)), sub("mail/mails", retry=retrying(0))])
    return engine


def settlement(job: Job) -> Settlement:
    return Settlement(job.lease, Died(BOOM))


def retry(engine: Engine, which: JobFilter, payload: bytes | None = None) -> int:
    commit, number = engine.dead.retry(which, payload)
    assert engine.wait(commit, 10.0)
    return number


# ---------------------------------------------------------------- list and get


def test_a_dead_letter_is_kept_with_payload_meta_and_errors(work: Engine, clock: ManualClock) -> None:
    put_all(work, [message({"a": 1}, meta=b'{"trace":"t"}')])
    job = take_one(work)
    clock.advance(5.0)
    fail(work, job, "no more")
    (dead,) = work.dead.list()
    assert (dead.id, dead.subscription, dead.state, dead.attempt) == (job.id, "work/jobs", "dead", 1)
    assert (dead.payload, dead.meta, dead.at) == (b'{"a": 1}', b'{"trace":"t"}', clock.now())
    (attempt,) = dead.attempts
    assert (attempt.number, attempt.at) == (1, clock.now())
    assert attempt.error == Failure("ValueError", "no more", "Traceback ..")


def test_a_dead_letter_keeps_the_reason_it_was_given(work: Engine) -> None:
    put(work)
    invalid = Failure("ValidationFailed", "amount: missing", reason="invalid_payload")
    settle(work, take_one(work), Died(invalid))
    assert work.dead.list()[0].attempts[-1].error == invalid


def test_a_dead_letter_is_not_handed_out(work: Engine, clock: ManualClock) -> None:
    kill_off(work)
    clock.advance(3_600.0)
    work.tick()
    assert take(work) == []


def test_dead_letters_are_listed_by_id_in_pages(work: Engine) -> None:
    jobs = [kill_off(work, n) for n in range(7)]
    assert ids(work.dead.list()) == jobs
    assert ids(work.dead.list(limit=3)) == jobs[:3]
    assert ids(work.dead.list(limit=3, after=jobs[2])) == jobs[3:6]
    assert ids(work.dead.list(after=jobs[6])) == []


def test_dead_letters_are_filtered(work: Engine) -> None:
    first, second = kill_off(work), kill_off(work)
    mail = kill_off(work, topic="mails")
    assert ids(work.dead.list(only("mail/mails"))) == [mail]
    assert ids(work.dead.list(JobFilter(step="work"))) == [first, second]
    assert ids(work.dead.list(JobFilter(ids=(second, mail)))) == [second, mail]
    assert ids(work.dead.list(JobFilter(ids=(second, mail), step="mail"))) == [mail]
    assert ids(work.dead.list(JobFilter(step="nobody"))) == []
    assert ids(work.dead.list(JobFilter(ids=()))) == []


def test_the_dead_letter_list_holds_dead_letters_alone(work: Engine) -> None:
    put_numbers(work, 3)
    put(work, delay=60.0)
    take_one(work)
    assert work.dead.list() == []


def test_get_finds_one_dead_letter(work: Engine) -> None:
    dead, alive = kill_off(work), put(work)
    found = work.dead.get(dead)
    assert found is not None
    assert found.id == dead
    assert work.dead.get(alive) is None
    assert work.dead.get(10**9) is None


def test_dead_letters_are_counted(work: Engine) -> None:
    kill_off(work)
    assert (counts(work).dead, counts(work).failed, counts(work).died) == (1, 1, 1)


def test_dead_letters_survive_a_restart(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)))
    job = kill_off(engine, "payload")
    before = engine.dead.get(job)
    engine = rig.reopen(sub(retry=retrying(0)))
    assert engine.dead.get(job) == before
    assert counts(engine).dead == 1
    assert take(engine) == []


def test_lists_see_deaths_that_are_not_durable_yet(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk)
    put(engine, 1)
    job = take_one(engine)
    with disk.held():
        engine.settle([settlement(job)])
        disk.wait_for_group()
        assert ids(engine.dead.list()) == [job.id]


# ---------------------------------------------------------------- retry


def test_retry_makes_one_dead_letter_ready_with_all_its_attempts(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub(retry=retrying(1))])
    job = put(engine)
    for text in ("first", "second"):
        fail(engine, take_one(engine), text)
        clock.advance(10.0)
        engine.tick()
    assert retry(engine, JobFilter(ids=(job,))) == 1
    again = take_one(engine)
    assert (again.id, again.attempt) == (job, 1)
    assert engine.dead.list() == []
    fail(engine, again, "third")
    assert view(engine, job).state == "scheduled"
    clock.advance(10.0)
    engine.tick()
    fail(engine, take_one(engine), "fourth")
    dead = view(engine, job)
    assert dead.state == "dead"
    assert [each.error.message for each in dead.attempts] == ["first", "second", "third", "fourth"]
    assert [each.number for each in dead.attempts] == [1, 2, 3, 4]


def test_retry_by_filter_and_of_all(work: Engine) -> None:
    for n in range(3):
        kill_off(work, n)
    kill_off(work, topic="mails")
    assert retry(work, JobFilter(step="mail")) == 1
    assert retry(work, DEAD) == 3
    assert retry(work, DEAD) == 0
    assert sorted(job.subscription for job in take(work)) == ["mail/mails", *["work/jobs"] * 3]


def test_retry_can_replace_the_payload(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)))
    job = kill_off(engine, {"amount": "wrong"})
    retry(engine, JobFilter(ids=(job,)), b'{"amount": 1}')
    assert values(take(engine)) == [{"amount": 1}]
    assert values(take(rig.reopen(sub()))) == [{"amount": 1}]


def test_a_replacement_over_the_limit_is_refused(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)), max_payload=100)
    job = kill_off(engine)
    with pytest.raises(PayloadTooLarge):
        engine.dead.retry(JobFilter(ids=(job,)), b"x" * 101)
    assert ids(engine.dead.list()) == [job]


def test_retry_leaves_jobs_that_are_not_dead_alone(work: Engine) -> None:
    ready = put(work)
    assert retry(work, JobFilter(ids=(ready,))) == 0
    assert view(work, ready).state == "ready"


def test_a_retried_dead_letter_joins_the_tail_of_its_lane(work: Engine) -> None:
    dead = kill_off(work, "was dead")
    put(work, "younger")
    retry(work, JobFilter(ids=(dead,)))
    assert values(take(work)) == ["younger", "was dead"]


def test_a_retried_dead_letter_stays_retried_after_a_kill(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)))
    job = kill_off(engine)
    rig.close()
    process = rig.start(sub(retry=retrying(0)))
    commit, number = process.call("dead.retry", JobFilter(ids=(job,)))
    process.call("wait", commit, 10.0)
    process.kill()
    assert number == 1
    engine = rig.open(sub(retry=retrying(0)))
    assert [(each.id, each.attempt) for each in take(engine)] == [(job, 1)]
    assert engine.dead.list() == []


def test_a_dead_letter_of_an_orphaned_subscription_is_listed_and_retried_to_wait_for_it(work: Engine) -> None:
    job = kill_off(work)
    work.register([])
    assert [(each.id, each.orphaned) for each in work.dead.list()] == [(job, True)]
    assert retry(work, DEAD) == 1
    assert take(work) == []
    work.register([sub()])
    assert ids(take(work)) == [job]


def test_hundreds_of_dead_letters_are_retried_in_one_call(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)), window_jobs=16)
    put_numbers(engine, 300)
    for job in run(engine, 300):
        fail(engine, job)
    assert retry(engine, DEAD) == 300
    assert sorted(values(drain(engine, 300))) == list(range(300))


# ---------------------------------------------------------------- purge and retention


def test_purge_forgets_dead_letters(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)))
    first, second, third = (kill_off(engine, n) for n in range(3))
    commit, number = engine.dead.purge(JobFilter(ids=(first, third)))
    assert engine.wait(commit, 10.0)
    assert number == 2
    assert ids(engine.dead.list()) == [second]
    engine = rig.reopen(sub())
    assert ids(engine.dead.list()) == [second]
    assert engine.inspect.job(first) is None


def test_nothing_is_left_of_jobs_that_were_purged_done_or_too_old(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)), dead_for=3_600.0)
    for n in range(3):
        kill_off(engine, n)
    engine.wait(engine.dead.purge(JobFilter(ids=(engine.dead.list()[0].id,)))[0])
    retry(engine, JobFilter(ids=(engine.dead.list()[0].id,)))
    finish(engine, *take(engine))
    rig.clock.advance(3_600.0)
    engine.tick()
    rig.close()
    with closing(sqlite3.connect(rig.path / "engine.db")) as file:
        for table in ("job", "attempt", "parked"):
            assert file.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_purge_of_all_leaves_living_jobs_alone(work: Engine) -> None:
    kill_off(work)
    kill_off(work, topic="mails")
    alive = put(work)
    assert work.dead.purge(DEAD)[1] == 2
    assert ids(work.inspect.jobs()) == [alive]
    assert work.dead.purge(DEAD)[1] == 0
    assert counts(work).dead == 0


def test_a_dead_letter_goes_when_its_retention_ends(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0)), dead_for=3_600.0)
    first = kill_off(engine)
    rig.clock.advance(1_800.0)
    second = kill_off(engine)
    assert engine.next_due() == pytest.approx(1_800.0)
    rig.clock.advance(1_800.0)
    engine.tick()
    until(lambda: engine.dead.get(first) is None)
    assert ids(engine.dead.list()) == [second]
    assert counts(engine).dead == 1


def test_a_retention_that_ends_while_nothing_runs_ends_at_the_first_tick(rig: Rig) -> None:
    kill_off(rig.open(sub(retry=retrying(0)), dead_for=3_600.0))
    rig.clock.advance(3_600.0)
    engine = rig.reopen(sub(), dead_for=3_600.0)
    engine.tick()
    until(lambda: engine.dead.list() == [])


# ---------------------------------------------------------------- dead_letter_topic


@pytest.fixture
def told(engine: Engine) -> Engine:
    """An engine whose dead orders are told to the topic ``failed``, where a step takes them."""
    engine.register(
        [sub("work/orders", retry=retrying(1, 0.0), dead_letter_topic="failed"), sub("handle/failed", kind="thread")]
    )
    return engine


def told_about(engine: Engine, payload: object) -> Any:
    """Fails an order for good; returns what the topic gets."""
    put(engine, payload, "orders")
    for text in ("first", "last"):
        engine.tick()
        fail(engine, take_one(engine), text)
    return values([take_one(engine, kind="thread")])[0]


def test_a_dead_letter_s_data_goes_to_its_topic_with_what_happened(told: Engine) -> None:
    data = told_about(told, {"orderId": "7", "amount": 3})
    failed_at = data.pop("failedAt")
    assert "last" in data.pop("error")
    assert data == {"orderId": "7", "amount": 3, "attempts": 2, "topic": "orders"}
    moment = datetime.fromisoformat(failed_at)
    assert moment.timestamp() == pytest.approx(1_700_000_000, abs=1)
    assert len(told.dead.list()) == 1  # it is kept as a dead letter as well


def test_data_that_is_no_object_goes_under_data(told: Engine) -> None:
    assert told_about(told, [1, 2])["data"] == [1, 2]


def test_a_dead_letter_and_its_message_are_one_commit(told: Engine) -> None:
    put(told, {}, "orders")
    job = take_one(told)
    before = told.committed
    told.settle([settlement(job)])
    assert told.committed == before + 1


def test_a_dead_letter_s_message_is_parked_where_nobody_takes_it(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0), dead_letter_topic="failed")])
    kill_off(engine, {"a": 1})
    (parked,) = engine.inspect.parked()
    assert (parked.topic, json.loads(parked.payload)["a"]) == ("failed", 1)


def test_a_dead_letter_s_message_carries_its_meta(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0), dead_letter_topic="failed"), sub("handle/failed", kind="thread")])
    put(engine, {}, meta=b'{"trace":"t"}')
    fail(engine, take_one(engine))
    assert take_one(engine, kind="thread").meta == b'{"trace":"t"}'


def test_a_payload_that_is_near_its_limit_can_still_die(rig: Rig) -> None:
    engine = rig.open(sub(retry=retrying(0), dead_letter_topic="failed"), max_payload=1_000)
    job = kill_off(engine, {"a": "x" * 980})
    assert view(engine, job).state == "dead"


def test_a_failure_of_any_length_can_be_told(engine: Engine) -> None:
    engine.register([sub(retry=retrying(0), dead_letter_topic="failed")])
    job = put(engine)
    settle(engine, take_one(engine), Died(Failure("E", "m" * 3_000_000, "t" * 3_000_000)))
    assert view(engine, job).state == "dead"
