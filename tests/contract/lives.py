"""What an engine lives through in the process that writes a file: every state of a job, and all else that a file holds.

Each function is one life on the same directory. It runs in the driver's process, which is killed or closed afterwards.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from motia_fast.contract import (
    Died,
    Done,
    Failed,
    Failure,
    JobFilter,
    Message,
    Retried,
    Settlement,
    Snoozed,
    StateWrite,
)
from tests.contract.verbs import (
    BOOM,
    fail,
    finish,
    item,
    message,
    only,
    put,
    put_all,
    put_numbers,
    retrying,
    set_state,
    settle,
    sub,
    take,
    take_one,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine, Job, Outcome

HOUR = 3_600.0
#: A window of 4 leaves most of a lane in the store, and one crash more than another makes a dead letter.
SETTINGS: dict[str, Any] = {"window_jobs": 4, "max_crashes": 2}

#: As those who write the file have them; who reads it declares all but the last.
SUBSCRIPTIONS = (
    sub("work/jobs", retry=retrying(2)),
    sub("mail/mails", retry=retrying(5, 100.0)),
    sub("guilty/guilty", kind="thread"),
    sub("clean/cron", topic="", source="cron"),
    sub("gone/old", retry=retrying(3)),
)
DECLARED = SUBSCRIPTIONS[:-1]


def guilty(engine: Engine, clock: ManualClock) -> None:
    """A job runs, and its process dies. In the second such life it is a suspect, after which it is dead as crashed."""
    if not engine.inspect.jobs(only("guilty/guilty")):
        put(engine, "kills its process", "guilty")
    take_one(engine, kind="thread")


def everything(engine: Engine, clock: ManualClock) -> None:
    """Jobs in every other state, and state, schedules and parked messages."""
    _dead(engine, clock)
    _scheduled(engine, clock)
    _orphaned(engine)
    _state(engine)
    _schedules(engine, clock)
    for n, priority in enumerate([None, 0, 9]):
        engine.wait(engine.enqueue([message(n, "nowhere", priority=priority, meta=b'{"trace":"p"}')]).commit)
    put_numbers(engine, 12)  # of which a window of 4 leaves some in the store
    put_numbers(engine, 3, start=100, priority=9, meta=b'{"trace":"u"}')
    put_numbers(engine, 6, "mails")
    put(engine, "a suspect", "guilty")
    take(engine, 3)  # they run at the end of this life
    take_one(engine, kind="thread")


def after_a_crash(engine: Engine, clock: ManualClock) -> None:
    """Suspects, one of which is settled, and jobs that came after them."""
    finish(engine, take_one(engine))
    put_numbers(engine, 5, start=200)
    set_state(engine, "orders", "1", {"amount": 4})
    letters = tuple(job.id for job in engine.dead.list() if job.payload == b'"dead at once"')
    commit, _ = engine.dead.retry(JobFilter(ids=letters), b'"edited"')
    engine.wait(commit)


def _dead(engine: Engine, clock: ManualClock) -> None:
    put(engine, "dead after retries", priority=8)
    for n in range(3):
        fail(engine, take_one(engine), f"failure {n}")
        _pass(engine, clock, 10.0)
    put(engine, "dead at once", meta=b'{"trace":"d"}')
    settle(engine, take_one(engine), Died(Failure("TypeError", "größe", "Traceback 2", "invalid_payload")))
    put(engine, "purged")
    settle(engine, take_one(engine), Died(BOOM))
    commit, purged = engine.dead.purge(JobFilter(ids=(engine.dead.list()[-1].id,)))
    assert purged == 1
    engine.wait(commit)


def _scheduled(engine: Engine, clock: ManualClock) -> None:
    put(engine, "failed three times", "mails")
    for n in range(3):
        fail(engine, take_one(engine), f"failure {n}")
        _pass(engine, clock, 100.0 if n < 2 else 0.0)
    outcomes: list[Outcome] = [Snoozed(30.0), Retried(40.0, BOOM), Failed(BOOM)]
    for outcome in outcomes:
        put(engine, type(outcome).__name__, "mails")
        settle(engine, take_one(engine), outcome, message("effect", "jobs", delay=2 * HOUR))
    put(engine, "delayed", delay=HOUR)
    put(engine, "at a time", run_at=clock.now() + 50_000_000, priority=1)


def _orphaned(engine: Engine) -> None:
    put(engine, "failed orphan", "old")
    fail(engine, take_one(engine))
    put_all(engine, [message("orphan", "old", meta=b'{"trace":"o"}'), message("later", "old", delay=HOUR)])
    put(engine, "dead orphan", "old", priority=9)
    settle(engine, take_one(engine), Died(BOOM))


def _pass(engine: Engine, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    engine.tick()


def _state(engine: Engine) -> None:
    for amount in (1, 2, 3):
        set_state(engine, "orders", "1", {"amount": amount})
    set_state(engine, "orders", "brief", "gone in a minute", ttl=60.0)
    set_state(engine, "orders", "longer", "gone in a day", ttl=24 * HOUR)
    set_state(engine, "orders", "deleted", 1)
    write(engine, StateWrite("orders", "deleted", delete=True))
    write(engine, StateWrite("größe", "ключ", b'{ "spaced" : 1.50 }'))
    for n in range(20):
        set_state(engine, "cleared", str(n), n)
    commit, _ = engine.state.clear("cleared")
    engine.wait(commit)
    set_state(engine, "cleared", "3", "again")
    assert item(engine, "cleared", "4") is None


def _schedules(engine: Engine, clock: ManualClock) -> None:
    engine.schedules.declare("clean/cron", "0 0 * * *", "Europe/Berlin", clock.now())
    fired = engine.schedules.fire("clean/cron", clock.now() + 1, b'{"trace":"c"}')
    assert fired is not None
    engine.wait(fired.commit)


# ---------------------------------------------------------------- a stream of commits


def stream(engine: Engine, answer: Callable[[int], None]) -> None:
    """Does everything at once from 3 threads until the process is killed; answers each round's number."""
    for thread in range(3):
        threading.Thread(target=_stream, args=(engine, answer, thread)).start()


def _stream(engine: Engine, answer: Callable[[int], None], thread: int) -> None:
    number = thread
    while True:
        payload = b"%d" % number
        sent = engine.enqueue([Message("jobs", payload), Message("mails", payload, delay=number % 3 * 60.0)])
        write(engine, StateWrite(f"g{thread}", str(number % 20), payload, ttl=number % 2 * HOUR or None))
        if number % 40 == thread:
            engine.state.clear(f"g{thread}")
        claimed = engine.claim("worker", "async", 3)
        engine.settle(_settlements(claimed[:2], number))  # a third one runs on
        engine.wait(sent.commit)
        answer(number)
        number += 3


def _settlements(jobs: Sequence[Job], number: int) -> list[Settlement]:
    outcomes: list[Outcome] = [Done(), Failed(BOOM), Done(), Died(BOOM), Snoozed(HOUR), Done(), Retried(5.0, BOOM)]
    effects = (message("effect", priority=number % 10), StateWrite("effects", str(number % 7), b"%d" % number))
    return [Settlement(job.lease, outcomes[(number + n) % len(outcomes)], effects) for n, job in enumerate(jobs)]
