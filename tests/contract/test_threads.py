"""An engine is safe to call from any thread: all verbs at once, and nothing is lost, doubled or raised."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from motia_fast.contract import Done, Failed, Job, JobFilter, Kind, Outcome, Released, Settlement, Snoozed
from tests.contract.rig import Rig
from tests.contract.verbs import BOOM, item, message, retrying, set_state, sub, until

if TYPE_CHECKING:
    from motia_fast.contract import Engine

STEPS = (
    sub("a/jobs", retry=retrying(100, 0.0), concurrency=20),
    sub("b/jobs", retry=retrying(100, 0.0), concurrency=5, kind="thread"),
)


class Crowd:
    """Threads that call verbs until they are told to stop; what one of them raises is kept."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.stop = threading.Event()
        self.raised: list[BaseException] = []
        self.done: Counter[int] = Counter()
        self.running: set[int] = set()
        self.lock = threading.Lock()
        self.threads: list[threading.Thread] = []

    def start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._until_stopped, args=(work,))
        self.threads.append(thread)
        thread.start()

    def _until_stopped(self, work: Callable[[], None]) -> None:
        try:
            while not self.stop.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 -- the test fails with it
            self.raised.append(error)
            self.stop.set()

    def work(self, kind: Kind, chance: random.Random) -> None:
        """Claims a few jobs, and ends each in a random way; sometimes its owner stops instead."""
        owner = f"owner {threading.get_ident()}"
        jobs = self.engine.claim(owner, kind, chance.randint(1, 8))
        with self.lock:
            for job in jobs:
                assert job.id not in self.running, "one job has two leases"
                self.running.add(job.id)
        if chance.random() < 0.1:
            with self.lock:
                self.running -= {job.id for job in jobs}
                self.engine.release(owner)
            return
        for job in jobs:
            self._settle(job, chance)

    def _settle(self, job: Job, chance: random.Random) -> None:
        outcomes: list[Outcome] = [Done(), Done(), Failed(BOOM), Snoozed(0.0), Released()]
        outcome = chance.choice(outcomes)
        with self.lock:
            self.running.discard(job.id)
            assert self.engine.settle([Settlement(job.lease, outcome)]).refused == ()
            if isinstance(outcome, Done):
                self.done[job.id] += 1

    def look(self) -> None:
        """Reads whatever can be read."""
        listed = [job.id for job in self.engine.inspect.jobs(limit=10_000)]
        assert listed == sorted(set(listed))
        self.engine.stats()
        self.engine.dead.list()
        self.engine.inspect.parked()
        self.engine.state.items("g")
        self.engine.state.groups()
        self.engine.next_due()
        self.engine.tick()


def test_all_verbs_from_many_threads_at_once_lose_double_and_raise_nothing(rig: Rig) -> None:
    engine = rig.open(*STEPS, window_jobs=32, state_cache_bytes=4_096)
    crowd = Crowd(engine)
    made: list[int] = []

    def produce() -> None:
        if len(made) < 600:
            sent = engine.enqueue([message(len(made)) for _ in range(3)])
            made.extend(job for receipt in sent.receipts for job in receipt.job_ids)
        engine.wait(engine.committed - 1_000)  # as a caller does who is told that too much is pending
        key = f"k{len(made) % 50}"
        set_state(engine, "g", key, "x" * 200)
        item(engine, "g", key)

    for seed in range(2):
        crowd.start(produce)
        crowd.start(crowd.look)
        for kind in ("async", "thread"):
            crowd.start(partial(crowd.work, kind, random.Random(seed)))
    until(lambda: crowd.raised or (len(made) >= 600 and sum(crowd.done.values()) == len(made)), "all jobs done")
    crowd.stop.set()
    for thread in crowd.threads:
        thread.join(30)
    assert crowd.raised == []
    assert crowd.done == Counter(made)
    assert engine.inspect.jobs(JobFilter()) == []
