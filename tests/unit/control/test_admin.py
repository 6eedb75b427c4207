"""The verbs, on a real engine that keeps its data in memory."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from motia_fast.clock import ManualClock
from motia_fast.contract import Died, Done, Engine, EngineSettings, Failure, Job, Message, Settlement
from motia_fast.control.admin import Admin
from motia_fast.control.frames import MAX_FRAME, to_line
from motia_fast.engine import open_engine
from motia_fast.errors import (
    ControlError,
    MotiaError,
    NotEncodable,
    UnknownJob,
    UnknownSubscription,
    ValidationFailed,
)
from motia_fast.steps import step
from motia_fast.triggers import cron, http, queue

#: ManualClock starts at 2023-11-14 22:13:20 UTC.
START = "2023-11-14T22:13:20+00:00"


@step(http("POST", "/orders"), queue("orders"), enqueues=["placed"], flows=["shop"], description="Places an order.")
async def place(order: Any) -> None:
    del order


@step(cron("0 0 * * *"))
async def nightly() -> None: ...


@step(cron("0 0 * * *", overlap="allow"), cron("0 12 * * *", "Europe/Berlin"))
async def twice() -> None: ...


STEPS = (place, nightly, twice)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def engine(clock: ManualClock) -> Iterator[Engine]:
    engine = open_engine("pure", EngineSettings(durability="memory", clock=clock))
    engine.register([subscription for each in STEPS for subscription in each.subscriptions()])
    yield engine
    engine.close()


@pytest.fixture
def admin(engine: Engine) -> Admin:
    return Admin(engine, STEPS)


def claim(engine: Engine, count: int = 100) -> list[Job]:
    engine.wait(engine.committed)
    return engine.claim("test", "async", count)


def kill(engine: Engine, *, message: str = "no stock", traceback: str = "") -> list[int]:
    """Makes dead letters of all ready jobs."""
    jobs = claim(engine)
    error = Failure("ValueError", message, traceback)
    settled = engine.settle([Settlement(job.lease, Died(error)) for job in jobs])
    engine.wait(settled.commit)
    return [job.id for job in jobs]


def call(admin: Admin, verb: str, **args: Any) -> dict[str, Any]:
    """As the socket does it: through JSON both ways."""
    answer = admin.call(verb, json.loads(json.dumps(args)))
    return dict(json.loads(json.dumps(answer, allow_nan=False)))


# ---------------------------------------------------------------- the call


def test_an_unknown_verb_and_wrong_arguments_are_named(admin: Admin) -> None:
    with pytest.raises(ControlError, match=r'there is no verb "stat"; did you mean "stats"\?'):
        call(admin, "stat")
    with pytest.raises(ValidationFailed) as caught:
        call(admin, "enqueue", data={}, delay="soon", colour="red")
    assert [detail["loc"] for detail in caught.value.details] == [["topic"], ["delay"], ["colour"]]
    assert 'the arguments of "enqueue" is not valid' in str(caught.value)


# ---------------------------------------------------------------- enqueue


def test_enqueue_makes_a_job_that_is_durable(admin: Admin, engine: Engine) -> None:
    made = call(admin, "enqueue", topic="orders", data={"id": "7"}, priority=9)
    assert (len(made["job_ids"]), made["parked"], made["duplicate"]) == (1, False, False)
    assert engine.durable == engine.committed
    [job] = claim(engine)
    assert (job.id, job.payload, job.priority) == (made["job_ids"][0], b'{"id":"7"}', 9)
    assert list(json.loads(job.meta)) == ["trace"]


@pytest.mark.parametrize(
    ("args", "due"),
    [
        ({"delay": 60}, "2023-11-14T22:14:20+00:00"),
        ({"run_at": "2023-11-15T00:00:00+01:00"}, "2023-11-14T23:00:00+00:00"),
    ],
)
def test_a_delay_and_a_time_are_kept(admin: Admin, args: dict[str, Any], due: str) -> None:
    call(admin, "enqueue", topic="orders", data=1, **args)
    [job] = call(admin, "jobs")["jobs"]
    assert (job["state"], job["at"]) == ("scheduled", due)


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ({"delay": -1}, "delay"),
        ({"priority": 10}, "priority"),
        ({"run_at": "soon"}, "run_at"),
        ({"run_at": "2023-11-15T00:00:00"}, "run_at"),  # without a zone
        ({"topic": ""}, "topic"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_kept(admin: Admin, args: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        call(admin, "enqueue", **({"topic": "orders"} | args))
    assert [detail["loc"] for detail in caught.value.details] == [[field]]
    assert call(admin, "jobs")["jobs"] == []


def test_a_number_that_json_cannot_hold_is_refused(admin: Admin) -> None:
    with pytest.raises(NotEncodable, match="infinity is not JSON"):
        admin.call("enqueue", {"topic": "orders", "data": json.loads("1e999")})


def test_a_message_may_be_refused_by_the_application(engine: Engine) -> None:
    def check(message: Message) -> None:
        raise ValidationFailed(message.topic, [{"loc": ["id"], "msg": "is missing", "type": "missing"}])

    with pytest.raises(ValidationFailed, match="id: is missing"):
        call(Admin(engine, STEPS, check=check), "enqueue", topic="orders", data={})
    assert engine.inspect.jobs() == []


def test_a_message_that_no_step_consumes_is_parked_and_listed(admin: Admin) -> None:
    made = call(admin, "enqueue", topic="other", data=[1])
    assert (made["job_ids"], made["parked"]) == ([], True)
    page = call(admin, "parked")
    [message] = page["messages"]
    assert (message["message_id"], message["topic"], message["payload"]) == (made["message_id"], "other", [1])
    assert message["until"] == "2023-11-21T22:13:20+00:00"  # 7 days
    assert page["next"] is None


# ---------------------------------------------------------------- jobs


def test_jobs_are_listed_by_state_and_step(admin: Admin, engine: Engine) -> None:
    call(admin, "enqueue", topic="orders", data={"n": 1})
    call(admin, "enqueue", topic="orders", data={"n": 2}, delay=5)
    [ready] = call(admin, "jobs", state="ready")["jobs"]
    assert ready | {"id": 0, "message_id": 0, "meta": 0} == {
        "id": 0,
        "message_id": 0,
        "step": "place",
        "subscription": "place/orders",
        "state": "ready",
        "priority": 5,
        "attempt": 0,
        "crashes": 0,
        "enqueued": START,
        "at": None,
        "orphaned": False,
        "payload": {"n": 1},
        "meta": 0,
        "attempts": [],
    }
    claim(engine)
    assert [job["id"] for job in call(admin, "jobs", state="running")["jobs"]] == [ready["id"]]
    assert len(call(admin, "jobs", step="place")["jobs"]) == 2
    assert call(admin, "jobs", step="nightly")["jobs"] == []
    assert call(admin, "job", job=ready["id"])["state"] == "running"
    with pytest.raises(UnknownJob, match="there is no unfinished job 999; it is finished, or never was"):
        call(admin, "job", job=999)
    with pytest.raises(ValidationFailed, match="state"):
        call(admin, "jobs", state="lost")


def test_finished_jobs_are_remembered(admin: Admin, engine: Engine) -> None:
    call(admin, "enqueue", topic="orders")
    [job] = claim(engine)
    engine.settle([Settlement(job.lease, Done())])
    [finished] = call(admin, "finished")["jobs"]
    assert (finished["id"], finished["step"], finished["outcome"], finished["at"]) == (job.id, "place", "done", START)


def test_a_page_says_where_the_next_one_begins(admin: Admin) -> None:
    ids = [call(admin, "enqueue", topic="orders", data=n)["job_ids"][0] for n in range(50)]
    first = call(admin, "jobs", limit=30)
    assert [job["id"] for job in first["jobs"]] == ids[:30]
    assert first["next"] == ids[29]
    second = call(admin, "jobs", limit=20, after=first["next"])
    assert [job["id"] for job in second["jobs"]] == ids[30:]
    assert second["next"] is None  # although it is full
    with pytest.raises(ValidationFailed, match="limit"):
        call(admin, "jobs", limit=0)


def test_a_page_fits_in_a_frame_however_large_the_jobs_are(admin: Admin) -> None:
    texts = ["\x7f" * 1_000_000, "\x00" * 170_000, "ü" * 500_000, "𝄞" * 250_000, *["x" * 1_000_000] * 6]
    for text in texts:
        call(admin, "enqueue", topic="orders", data=text)
    sizes: list[int] = []
    after = 0
    while True:
        page = admin.call("jobs", {"limit": 100, "after": after})
        sizes.append(len(page["jobs"]))
        assert len(to_line({"ok": page})) < MAX_FRAME
        if page["next"] is None:
            break
        after = page["next"]
    assert sum(sizes) == 10
    assert len(sizes) > 1


# ---------------------------------------------------------------- dead letters


def test_a_dead_letter_has_its_data_and_its_failures(admin: Admin, engine: Engine, clock: ManualClock) -> None:
    call(admin, "enqueue", topic="orders", data={"id": "7"})
    clock.advance(5)
    [job] = kill(engine, message="no stock", traceback="Traceback ..")
    [letter] = call(admin, "dead.list")["jobs"]
    assert letter == call(admin, "dead.show", job=job)
    assert (letter["payload"], letter["state"], letter["at"]) == ({"id": "7"}, "dead", "2023-11-14T22:13:25+00:00")
    assert letter["attempts"] == [
        {
            "number": 1,
            "at": "2023-11-14T22:13:25+00:00",
            "reason": "failed",
            "type": "ValueError",
            "message": "no stock",
            "traceback": "Traceback ..",
        }
    ]
    assert call(admin, "dead.list", step="nightly")["jobs"] == []


def test_a_dead_letter_is_retried_with_other_data(admin: Admin, engine: Engine) -> None:
    call(admin, "enqueue", topic="orders", data={"id": "7"})
    [job] = kill(engine)
    assert call(admin, "dead.retry", jobs=[job], payload=None) == {"retried": 1}
    assert engine.durable == engine.committed
    [again] = claim(engine)
    assert (again.id, again.payload, again.attempt) == (job, b"null", 1)


@pytest.mark.parametrize(("verb", "done"), [("dead.retry", "retried"), ("dead.purge", "purged")])
def test_which_dead_letters_is_said_in_one_way(admin: Admin, engine: Engine, verb: str, done: str) -> None:
    for n in range(6):
        call(admin, "enqueue", topic="orders", data=n)
    jobs = kill(engine)
    wrongs: list[dict[str, Any]] = [{}, {"jobs": []}, {"jobs": jobs, "every": True}, {"step": "place", "every": True}]
    for wrong in wrongs:
        with pytest.raises(ValidationFailed, match="exactly one of these"):
            call(admin, verb, **wrong)
    with pytest.raises(UnknownJob, match="nothing was changed: there is no dead letter 999; it is finished, purged"):
        call(admin, verb, jobs=[jobs[0], 999])
    assert len(call(admin, "dead.list")["jobs"]) == 6
    assert call(admin, verb, jobs=jobs[:2]) == {done: 2}
    assert call(admin, verb, step="nightly") == {done: 0}
    assert call(admin, verb, step="place") == {done: 4}
    assert call(admin, verb, every=True) == {done: 0}


def test_what_is_no_dead_letter_is_said_to_be_what_it_is(admin: Admin, engine: Engine) -> None:
    [job] = call(admin, "enqueue", topic="orders")["job_ids"]
    with pytest.raises(UnknownJob, match=f"there is no dead letter {job}; it is ready"):
        call(admin, "dead.show", job=job)
    claim(engine)
    with pytest.raises(UnknownJob, match="it is running"):
        call(admin, "dead.retry", jobs=[job])


def test_new_data_is_for_one_job(admin: Admin, engine: Engine) -> None:
    for n in range(2):
        call(admin, "enqueue", topic="orders", data=n)
    jobs = kill(engine)
    for which in ({"jobs": jobs}, {"every": True}):
        with pytest.raises(ValidationFailed, match="replaces the data of one job, so name exactly one"):
            call(admin, "dead.retry", payload={}, **which)
    assert len(call(admin, "dead.list")["jobs"]) == 2


# ---------------------------------------------------------------- state


def test_state_is_read_and_written(admin: Admin, engine: Engine) -> None:
    assert call(admin, "state.get", group="g", key="k") == {"group": "g", "key": "k", "value": None, "version": 0}
    assert call(admin, "state.set", group="g", key="k", value={"a": 1})["old"] is None
    assert engine.durable == engine.committed
    again = call(admin, "state.set", group="g", key="k", value=[2])
    assert (again["old"], again["version"]) == ({"a": 1}, 2)
    assert call(admin, "state.get", group="g", key="k")["value"] == [2]
    assert call(admin, "state.groups") == {"groups": [{"group": "g", "items": 1}]}
    assert call(admin, "state.items", group="g")["items"] == [{"key": "k", "value": [2], "version": 2}]
    deleted = call(admin, "state.delete", group="g", key="k")
    assert (deleted["old"], deleted["deleted"]) == ([2], True)
    assert call(admin, "state.delete", group="g", key="k")["deleted"] is False
    assert call(admin, "state.groups") == {"groups": []}


@pytest.mark.parametrize(
    ("group", "key", "field"),
    [("", "k", "group"), ("g", "", "key"), ("g" * 513, "k", "group"), ("g", "k" * 513, "key"), ("g", "\udc80", "key")],
)
def test_groups_and_keys_are_those_that_handlers_may_use(admin: Admin, group: str, key: str, field: str) -> None:
    for verb, more in (("state.get", {}), ("state.set", {"value": 1}), ("state.delete", {})):
        with pytest.raises(ValidationFailed) as caught:
            call(admin, verb, group=group, key=key, **more)
        assert [detail["loc"] for detail in caught.value.details] == [[field]]
    assert call(admin, "state.groups") == {"groups": []}
    with pytest.raises(ValidationFailed, match="group"):
        call(admin, "state.items", group="")


def test_items_have_pages_in_the_order_of_insertion(admin: Admin) -> None:
    keys = [f"{n:02}" for n in reversed(range(45))]
    for key in keys:
        call(admin, "state.set", group="g", key=key, value=key)
    first = call(admin, "state.items", group="g", limit=40)
    second = call(admin, "state.items", group="g", limit=40, after=first["next"])
    assert [item["key"] for page in (first, second) for item in page["items"]] == keys
    assert second["next"] is None


def test_an_item_with_a_time_to_live_goes(admin: Admin, engine: Engine, clock: ManualClock) -> None:
    call(admin, "state.set", group="g", key="k", value=1, ttl=10)
    clock.advance(11)
    engine.tick()
    assert call(admin, "state.get", group="g", key="k")["version"] == 0


# ---------------------------------------------------------------- schedules


def test_a_tick_is_fired_as_a_job(admin: Admin, engine: Engine) -> None:
    fired = call(admin, "cron.run", name="nightly")
    assert (fired["step"], fired["subscription"], len(fired["job_ids"])) == ("nightly", "nightly/cron", 1)
    assert engine.durable == engine.committed
    [job] = claim(engine)
    assert (job.id, job.subscription) == (fired["job_ids"][0], "nightly/cron")
    assert json.loads(job.meta)["at"] == 1_700_000_000_000_000
    [row] = call(admin, "cron.list")["schedules"]
    assert row == {
        "step": "nightly",
        "subscription": "nightly/cron",
        "expression": "0 0 * * *",
        "timezone": "UTC",
        "last": START,
        "next": "2023-11-15T00:00:00+00:00",
        "orphaned": False,
    }


def test_two_ticks_overlap_only_where_the_trigger_lets_them(admin: Admin, engine: Engine, clock: ManualClock) -> None:
    call(admin, "cron.run", name="nightly")
    call(admin, "cron.run", name="twice/cron")
    clock.advance(1)
    with pytest.raises(ControlError, match=r"its last tick is unfinished \(job \d+, ready\)"):
        call(admin, "cron.run", name="nightly")
    call(admin, "cron.run", name="twice/cron")
    jobs = claim(engine)
    assert len(jobs) == 3
    engine.settle([Settlement(job.lease, Done()) for job in jobs])
    call(admin, "cron.run", name="nightly")


def test_a_tick_of_the_same_microsecond_does_not_fire_twice(admin: Admin) -> None:
    call(admin, "cron.run", name="twice/cron")
    with pytest.raises(ControlError, match="twice/cron did not fire: its last tick is not before 2023-11-14T22:13:20"):
        call(admin, "cron.run", name="twice/cron")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nightli", UnknownSubscription, r'no step "nightli" has a cron trigger; did you mean "nightly"\?'),
        ("place", UnknownSubscription, r'no step "place" has a cron trigger; those that have one: nightly, twice'),
        (
            "twice",
            UnknownSubscription,
            r'"twice" has several cron triggers; name one of them: twice/cron, twice/cron#2',
        ),
    ],
)
def test_a_name_that_is_none_of_a_schedule_is_answered_with_those_that_are(
    admin: Admin, name: str, error: type[MotiaError], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(admin, "cron.run", name=name)


# ---------------------------------------------------------------- what is declared, figures, at rest


def test_steps_are_told_with_their_triggers(admin: Admin) -> None:
    steps = {each["name"]: each for each in call(admin, "steps")["steps"]}
    told = steps["place"]
    assert told["triggers"] == [
        {"type": "http", "method": "POST", "path": "/orders"},
        {
            "type": "queue",
            "topic": "orders",
            "priority": 5,
            "concurrency": 10,
            "delay": 0.0,
            "timeout": 900.0,
            "dead_letter_topic": None,
        },
    ]
    assert (told["kind"], told["enqueues"], told["flows"]) == ("async", ["placed"], ["shop"])
    assert told["description"] == "Places an order."
    assert told["file"].endswith("test_admin.py")
    assert told["line"] > 0


def test_stats_are_plain(admin: Admin) -> None:
    call(admin, "enqueue", topic="orders")
    stats = call(admin, "stats")
    assert (stats["pid"], stats["failure"], stats["at"], stats["durability"]) == (os.getpid(), None, START, "memory")
    [orders] = [each for each in stats["subscriptions"] if each["subscription"] == "place/orders"]
    assert (orders["ready"], orders["enqueued"], orders["orphaned"]) == (1, 1, False)


def test_at_rest_nobody_knows_the_steps(engine: Engine) -> None:
    at_rest = Admin(engine)
    call(at_rest, "enqueue", topic="orders")
    assert {each["orphaned"] for each in call(at_rest, "stats")["subscriptions"]} == {None}
    assert [job["orphaned"] for job in call(at_rest, "jobs")["jobs"]] == [None]
    with pytest.raises(ControlError, match=r"--app TARGET"):
        call(at_rest, "steps")
    with pytest.raises(ControlError, match=r'so "nightly" cannot be fired; start the application'):
        call(at_rest, "cron.run", name="nightly")


def test_the_verbs_log_nothing(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        call(admin, "enqueue", topic="orders")
    assert caplog.records == []
