"""`enqueue`: where a message goes, and what is kept when it goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from motia_fast.conditions import F
from motia_fast.contract import Message
from motia_fast.errors import DiskLow, PayloadTooLarge, UnknownSubscription
from tests.contract.rig import Rig
from tests.contract.verbs import counts, ids, message, put, put_all, put_numbers, sub, take, take_one, values, view

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine

BIG = (F.amount > 1000).to_json()
SMALL = (~(F.amount > 1000)).to_json()


def test_enqueue_makes_one_job_for_each_subscription_of_the_topic(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs"), sub("b/jobs#2"), sub("c/mail")])
    sent = engine.enqueue([message(1)])
    engine.wait(sent.commit)
    jobs = take(engine)
    assert sorted(job.subscription for job in jobs) == ["a/jobs", "b/jobs", "b/jobs#2"]
    assert sorted(ids(jobs)) == sorted(sent.receipts[0].job_ids)
    assert {job.message_id for job in jobs} == {sent.receipts[0].message_id}


def test_enqueue_returns_a_receipt_for_each_message_in_order(engine: Engine) -> None:
    engine.register([sub()])
    sent = engine.enqueue([message("to a step"), message("to nobody", "nowhere"), message("to a step")])
    assert [len(receipt.job_ids) for receipt in sent.receipts] == [1, 0, 1]
    assert [receipt.parked for receipt in sent.receipts] == [False, True, False]
    assert [receipt.duplicate for receipt in sent.receipts] == [False, False, False]
    message_ids = [receipt.message_id for receipt in sent.receipts]
    assert sorted(set(message_ids)) == message_ids


def test_enqueue_returns_a_commit_number_that_rises(engine: Engine) -> None:
    engine.register([sub()])
    first = engine.enqueue([message()]).commit
    second = engine.enqueue([message()]).commit
    assert first < second == engine.committed


def test_enqueue_of_nothing_is_nothing(engine: Engine) -> None:
    engine.register([sub()])
    sent = engine.enqueue([])
    assert sent.receipts == ()
    assert engine.wait(sent.commit, 10.0)


def test_enqueue_to_a_named_subscription_reaches_that_one_alone(engine: Engine) -> None:
    engine.register([sub("a/jobs"), sub("b/jobs")])
    put(engine, subscription="b/jobs")
    assert take_one(engine).subscription == "b/jobs"


def test_enqueue_to_a_named_subscription_leaves_its_condition_aside(engine: Engine) -> None:
    engine.register([sub(condition=BIG)])
    put(engine, {"amount": 1}, subscription="work/jobs")
    assert values(take(engine)) == [{"amount": 1}]


def test_enqueue_by_name_reaches_a_subscription_without_a_topic(engine: Engine) -> None:
    engine.register([sub("clock/cron", topic="", source="cron")])
    put(engine, topic="", subscription="clock/cron")
    assert take_one(engine).subscription == "clock/cron"


# ---------------------------------------------------------------- nothing is kept if it raises


def nothing_kept(engine: Engine, before: int) -> None:
    assert engine.committed == before
    assert engine.inspect.jobs() == []
    assert engine.inspect.parked() == []
    assert engine.stats().unmatched == {}


def test_an_unknown_subscription_is_refused_by_name_and_nothing_of_the_call_is_kept(engine: Engine) -> None:
    engine.register([sub(), sub("picky/orders", condition=BIG)])
    before = engine.committed
    good = [message(1), message(2, "nowhere"), message({"amount": 1}, "orders")]
    with pytest.raises(UnknownSubscription, match="gone/jobs"):
        engine.enqueue([*good, message(3, subscription="gone/jobs")])
    nothing_kept(engine, before)


def test_an_oversize_payload_is_refused_and_nothing_of_the_call_is_kept(rig: Rig) -> None:
    engine = rig.open(sub(), max_payload=100)
    before = engine.committed
    with pytest.raises(PayloadTooLarge, match="101"):
        engine.enqueue([message(1), Message("jobs", b"x" * 101)])
    nothing_kept(engine, before)


def test_an_oversize_payload_to_nobody_is_refused_too(rig: Rig) -> None:
    engine = rig.open(max_payload=100)
    with pytest.raises(PayloadTooLarge):
        engine.enqueue([Message("nowhere", b"x" * 101)])


def test_a_payload_of_exactly_the_limit_is_taken(rig: Rig) -> None:
    engine = rig.open(sub(), max_payload=100)
    put_all(engine, [Message("jobs", b"x" * 100)])
    assert take_one(engine).payload == b"x" * 100


def test_below_the_disk_limit_enqueue_is_refused_and_nothing_of_the_call_is_kept(rig: Rig) -> None:
    engine = rig.open(sub(), min_free_disk=1 << 62)
    before = engine.committed
    with pytest.raises(DiskLow):
        engine.enqueue([message(1)])
    nothing_kept(engine, before)


# ---------------------------------------------------------------- parked and unmatched


def test_without_a_subscription_for_the_topic_a_message_is_parked(engine: Engine) -> None:
    engine.register([sub()])
    sent = engine.enqueue([message(1, "nowhere", meta=b'{"trace":"t"}')])
    (receipt,) = sent.receipts
    assert (receipt.job_ids, receipt.parked) == ((), True)
    (parked,) = engine.inspect.parked()
    assert (parked.message_id, parked.topic, parked.payload, parked.meta) == (
        receipt.message_id,
        "nowhere",
        b"1",
        b'{"trace":"t"}',
    )
    assert engine.stats().parked == 1


def test_a_parked_message_survives_a_kill(rig: Rig) -> None:
    process = rig.start()
    sent = process.put(message(1, "nowhere"))
    process.kill()
    assert [each.message_id for each in rig.open().inspect.parked()] == [sent.receipts[0].message_id]


def test_with_subscriptions_but_no_true_condition_a_message_is_counted_and_not_parked(engine: Engine) -> None:
    engine.register([sub(condition=BIG)])
    sent = engine.enqueue([message({"amount": 1}), message({"amount": 2})])
    assert [(receipt.job_ids, receipt.parked) for receipt in sent.receipts] == [((), False), ((), False)]
    assert engine.wait(sent.commit, 10.0)
    assert engine.inspect.parked() == []
    assert engine.inspect.jobs() == []
    assert engine.stats().unmatched == {"jobs": 2}


def test_a_condition_decides_for_its_own_subscription(engine: Engine) -> None:
    engine.register([sub("vip/jobs", condition=BIG), sub("rest/jobs", condition=SMALL), sub("all/jobs")])
    put_all(engine, [message({"amount": 5}), message({"amount": 5000})])
    reached = {(job.subscription, job.payload) for job in take(engine)}
    assert reached == {
        ("vip/jobs", b'{"amount": 5000}'),
        ("rest/jobs", b'{"amount": 5}'),
        ("all/jobs", b'{"amount": 5}'),
        ("all/jobs", b'{"amount": 5000}'),
    }


def test_a_comparison_with_a_value_of_another_type_is_false_and_counted(engine: Engine) -> None:
    engine.register([sub(condition=BIG)])
    engine.enqueue([message({"amount": "much"})])
    assert engine.stats().mismatches == 1
    assert engine.stats().unmatched == {"jobs": 1}


# ---------------------------------------------------------------- what a job carries


@pytest.mark.parametrize("payload", [b'{ "a" :  1.50 }', '"é ☃"'.encode(), b"[]", b"null", b"9" * 40])
def test_a_payload_comes_back_as_the_bytes_that_went_in(rig: Rig, payload: bytes) -> None:
    put_all(rig.open(sub()), [Message("jobs", payload)])
    assert take_one(rig.reopen(sub())).payload == payload


def test_meta_is_handed_back_with_each_job(rig: Rig) -> None:
    put_all(rig.open(sub()), [message(1, meta=b'{"trace":"t"}'), message(2)])
    assert [job.meta for job in take(rig.reopen(sub()))] == [b'{"trace":"t"}', b""]


def test_a_job_says_when_it_was_enqueued(engine: Engine, clock: ManualClock) -> None:
    engine.register([sub()])
    now = clock.now()
    put(engine)
    clock.advance(60.0)
    assert take_one(engine).enqueued == now


def test_a_first_run_is_attempt_1_without_a_history(engine: Engine) -> None:
    engine.register([sub()])
    put(engine)
    job = take_one(engine)
    assert (job.attempt, job.crashes, job.last_error) == (1, 0, None)


def test_a_message_s_priority_overrides_its_subscription_s(engine: Engine) -> None:
    engine.register([sub(priority=3)])
    put(engine, "plain")
    put(engine, "raised", priority=8)
    assert [job.priority for job in take(engine)] == [8, 3]


def test_an_enqueued_job_is_seen_by_inspection_and_counts(engine: Engine) -> None:
    engine.register([sub()])
    job = put(engine, 1)
    assert view(engine, job).state == "ready"
    assert (counts(engine).ready, counts(engine).enqueued) == (1, 1)


def test_many_messages_of_one_call_keep_their_order(engine: Engine) -> None:
    engine.register([sub()])
    put_numbers(engine, 1_000)
    assert values(take(engine)) == list(range(1_000))
