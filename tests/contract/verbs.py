"""The verbs of an engine, as tests say them: short, on one topic, and durable before they return."""

from __future__ import annotations

import json
import select
import time
from typing import TYPE_CHECKING, Any

from motia_fast.contract import (
    COLD,
    Done,
    Failed,
    Failure,
    Job,
    JobFilter,
    JobView,
    Kind,
    Message,
    Outcome,
    RetryPolicy,
    Settlement,
    StateItem,
    StateWrite,
    StateWritten,
    Subscription,
    SubscriptionStats,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from motia_fast.contract import Engine

#: Seconds after which a fact that has not come is taken never to come.
DEADLINE = 30.0
BOOM = Failure("ValueError", "boom", "Traceback ..")


def until(fact: Callable[[], object], what: str = "") -> None:
    """Polls a fact that another thread or process makes true."""
    give_up = time.monotonic() + DEADLINE
    while not fact():
        assert time.monotonic() < give_up, f"did not happen within {DEADLINE:.0f} s: {what or fact}"
        time.sleep(0.001)


# ---------------------------------------------------------------- declaring


def sub(name: str = "work/jobs", **options: Any) -> Subscription:
    """``step/topic`` with room for 1,000 jobs at once, unless it is said otherwise."""
    step, _, topic = name.partition("/")
    plain: dict[str, Any] = {"id": name, "step": step, "topic": topic.partition("#")[0], "concurrency": 1_000}
    return Subscription(**(plain | options))


def retrying(max_retries: int = 3, delay: float = 10.0, **options: Any) -> RetryPolicy:
    """Retries at exact times: no jitter, and the same delay each time unless it is said otherwise."""
    plain: dict[str, Any] = {"backoff": "fixed", "backoff_delay": delay, "jitter": 0.0}
    return RetryPolicy(max_retries, **(plain | options))


def only(subscription: str) -> JobFilter:
    return JobFilter(subscription=subscription)


# ---------------------------------------------------------------- putting in


def message(payload: object = None, topic: str = "jobs", **options: Any) -> Message:
    return Message(topic, json.dumps(payload).encode(), **options)


def put(engine: Engine, payload: object = None, topic: str = "jobs", **options: Any) -> int:
    """Enqueues one message; returns the id of its job, the first if there are several, once it is durable."""
    return put_all(engine, [message(payload, topic, **options)])[0]


def put_all(engine: Engine, messages: Iterable[Message]) -> list[int]:
    """Enqueues in one call; returns the ids of all jobs, once they are durable."""
    sent = engine.enqueue(list(messages))
    assert engine.wait(sent.commit, DEADLINE)
    return [job for receipt in sent.receipts for job in receipt.job_ids]


def put_numbers(engine: Engine, count: int, topic: str = "jobs", start: int = 0, **options: Any) -> list[int]:
    """Enqueues the numbers from `start` on, as payloads."""
    return put_all(engine, [message(n, topic, **options) for n in range(start, start + count)])


# ---------------------------------------------------------------- taking out


def take(engine: Engine, limit: int = 1_000, *, owner: str = "worker", kind: Kind = "async") -> list[Job]:
    return engine.claim(owner, kind, limit)


def take_one(engine: Engine, *, owner: str = "worker", kind: Kind = "async") -> Job:
    (job,) = engine.claim(owner, kind, 1)
    return job


def settle(engine: Engine, job: Job, outcome: Outcome, *effects: Message | StateWrite) -> None:
    """Settles one run, which must be accepted, and waits until that is durable."""
    settle_all(engine, [Settlement(job.lease, outcome, effects)])


def settle_all(engine: Engine, settlements: Iterable[Settlement]) -> None:
    settled = engine.settle(list(settlements))
    assert settled.refused == ()
    assert engine.wait(settled.commit, DEADLINE)


def done(jobs: Iterable[Job]) -> list[Settlement]:
    return [Settlement(job.lease, Done()) for job in jobs]


def finish(engine: Engine, *jobs: Job) -> None:
    settle_all(engine, done(jobs))


def fail(engine: Engine, job: Job, text: str = "boom") -> None:
    settle(engine, job, Failed(Failure("ValueError", text, "Traceback ..")))


def kill_off(engine: Engine, payload: object = None, topic: str = "jobs") -> int:
    """Makes a dead letter out of a new job of a subscription that has no retries; returns its id."""
    job = put(engine, payload, topic)
    (claimed,) = [each for each in take(engine) if each.id == job]
    fail(engine, claimed)
    return job


def run(engine: Engine, count: int, batch: int = 64, kind: Kind = "async") -> Iterator[Job]:
    """Claims `count` jobs as a worker does: sleeps on `wake_fd` when there is none. The caller settles each."""
    given = 0
    give_up = time.monotonic() + DEADLINE
    while given < count:
        engine.acknowledge()
        claimed = engine.claim("worker", kind, min(batch, count - given))
        yield from claimed
        given += len(claimed)
        if not claimed and engine.next_due() == 0.0:
            engine.tick()  # what is due beyond the window comes in parts
        elif not claimed:
            left = give_up - time.monotonic()
            assert left > 0, f"{given} of {count} jobs came, and the engine does not wake"
            select.select([engine.wake_fd], [], [], left)


def drain(engine: Engine, count: int, batch: int = 64, kind: Kind = "async") -> list[Job]:
    """Runs `count` jobs to their end; returns them in the order in which they came."""
    jobs: list[Job] = []
    for job in run(engine, count, batch, kind):
        assert engine.settle(done([job])).refused == ()
        jobs.append(job)
    assert engine.wait(engine.committed, DEADLINE)
    return jobs


# ---------------------------------------------------------------- looking


def values(jobs: Iterable[Job | JobView]) -> list[Any]:
    return [json.loads(job.payload) for job in jobs]


def ids(jobs: Iterable[Job | JobView]) -> list[int]:
    return [job.id for job in jobs]


def view(engine: Engine, job: int) -> JobView:
    found = engine.inspect.job(job)
    assert found is not None
    return found


def counts(engine: Engine, subscription: str = "work/jobs") -> SubscriptionStats:
    (found,) = [each for each in engine.stats().subscriptions if each.subscription == subscription]
    return found


def readable(engine: Engine, within: float = 0.0) -> bool:
    """Whether `wake_fd` is readable, or becomes so within some seconds."""
    return bool(select.select([engine.wake_fd], [], [], within)[0])


def quiet(engine: Engine) -> None:
    """Takes the wake-ups of what went before, so that the next one is news."""
    engine.acknowledge()
    until(lambda: engine.durable == engine.committed)
    engine.acknowledge()


# ---------------------------------------------------------------- state


def write(engine: Engine, *writes: StateWrite) -> StateWritten:
    """One commit of state writes; keys that are cold are loaded first, as the layers above do it."""
    answer = engine.state.write(writes)
    while answer is COLD:
        engine.state.load([(each.group, each.key) for each in writes])
        answer = engine.state.write(writes)
    assert isinstance(answer, StateWritten)
    return answer


def set_state(engine: Engine, group: str, key: str, value: object, **options: Any) -> StateWritten:
    return write(engine, StateWrite(group, key, json.dumps(value).encode(), **options))


def item(engine: Engine, group: str, key: str) -> StateItem | None:
    """The item, loaded first if it is cold."""
    answer = engine.state.get(group, key)
    while answer is COLD:
        engine.state.load([(group, key)])
        answer = engine.state.get(group, key)
    assert not isinstance(answer, str)
    return answer


def value(engine: Engine, group: str, key: str) -> Any:
    found = item(engine, group, key)
    return None if found is None else json.loads(found.value)
