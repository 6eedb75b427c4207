"""Random lives of an engine against a model of a few lines: whatever the order of verbs, the promises hold."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from motia_fast.contract import (
    Died,
    Done,
    Failed,
    Job,
    JobFilter,
    Kind,
    Outcome,
    Released,
    Retried,
    Settlement,
    Skipped,
    Snoozed,
)
from motia_fast.errors import LeaseLost
from tests.contract.disk import Disk
from tests.contract.engines import ENGINES, Name
from tests.contract.rig import Rig
from tests.contract.verbs import BOOM, DEADLINE, message, retrying, sub

if TYPE_CHECKING:
    from motia_fast.contract import Engine

SOAK = bool(os.environ.get("MOTIA_FAST_SOAK"))
CONCURRENCY = 6
MAX_CRASHES = 3
STEPS = (
    sub("fast/jobs", concurrency=4, retry=retrying(1, 5.0)),
    sub("slow/mails", concurrency=2, retry=retrying(0), delay=3.0),
    sub("none/mails", concurrency=3, retry=retrying(2, 0.0), kind="thread", priority=7),
)
KINDS: tuple[Kind, ...] = ("async", "thread")
OUTCOMES = st.sampled_from(
    [Done(), Skipped(""), Failed(BOOM), Retried(2.0, BOOM), Snoozed(4.0), Snoozed(0.0), Died(BOOM), Released()]
)


class Life(RuleBasedStateMachine):
    """The model: which jobs there are, what they carry, and which of them run."""

    engine_name: ClassVar[Name]
    leases = Bundle("leases")
    settled_leases = Bundle("settled leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.rig = Rig(self.engine_name, self.folder / "data")
        self.disk = Disk()
        self.alive: dict[int, bytes] = {}
        #: The commit that must be durable before a job may run.
        self.commit: dict[int, int] = {}
        self.subscription: dict[int, str] = {}
        self.running: dict[int, Job] = {}
        self.dead: set[int] = set()
        #: How often a job ran in a crash since it was last settled.
        self.crashes: Counter[int] = Counter()
        self.gone: set[int] = set()
        #: Jobs of "fast/jobs" that were ready when they were enqueued and never claimed: these come oldest first.
        self.untouched: set[int] = set()

    @initialize(window=st.sampled_from([2, 5, 1_000]))
    def open(self, window: int) -> None:
        self.options: dict[str, Any] = {"disk": self.disk, "window_jobs": window, "concurrency": CONCURRENCY}
        self.engine: Engine = self.rig.open(*STEPS, **self.options)

    # ------------------------------------------------------------ rules

    @rule(topic=st.sampled_from(["jobs", "mails"]), count=st.integers(1, 12), delay=st.sampled_from([None, 0.0, 5.0]))
    def enqueue(self, topic: str, count: int, delay: float | None) -> None:
        sent = self.engine.enqueue([message(n, topic, delay=delay) for n in range(count)])
        self._durable(sent.commit)
        for number, receipt in enumerate(sent.receipts):
            assert len(receipt.job_ids) == (1 if topic == "jobs" else 2)
            for job in receipt.job_ids:
                assert job not in self.alive
                assert job not in self.gone
                self.alive[job] = b"%d" % number
                self.commit[job] = sent.commit
                if topic == "jobs" and not delay:
                    self.untouched.add(job)

    @rule(target=leases, owner=st.sampled_from("ab"), kind=st.sampled_from(KINDS), limit=st.integers(0, 8))
    def claim(self, owner: str, kind: Any, limit: int) -> Any:
        jobs = self.engine.claim(owner, kind, limit)
        assert len(jobs) <= limit
        for job in jobs:
            assert job.id in self.alive, "a job that is gone came back"
            assert self.engine.durable >= self.commit[job.id], "a job came before its commit was durable"
            assert job.id not in self.running, "one job has two leases"
            assert job.id not in self.dead
            assert job.payload == self.alive[job.id]
            assert job.crashes == self.crashes[job.id]
            assert self.subscription.setdefault(job.id, job.subscription) == job.subscription
            self.running[job.id] = job
        self._in_order(jobs)
        return multiple(*((owner, job) for job in jobs))

    def _in_order(self, jobs: list[Job]) -> None:
        """All jobs of "fast/jobs" have one priority, hence one lane."""
        for job in jobs:
            if job.id in self.untouched:
                assert job.id == min(self.untouched), "a younger job overtook an older one"
                self.untouched.remove(job.id)

    @rule(target=settled_leases, held=consumes(leases), outcome=OUTCOMES)
    def settle(self, held: tuple[str, Job], outcome: Outcome) -> Any:
        _, job = held
        live = self.running.get(job.id) is job
        settled = self.engine.settle([Settlement(job.lease, outcome)])
        assert [isinstance(refusal.error, LeaseLost) for refusal in settled.refused] == ([] if live else [True])
        self._durable(settled.commit)
        if live:
            self._ended(job, outcome)
            self.commit[job.id] = settled.commit if not isinstance(outcome, Released) else 0
        return job

    def _ended(self, job: Job, outcome: Outcome) -> None:
        del self.running[job.id]
        if not isinstance(outcome, Released):
            del self.crashes[job.id]
        attempts = {step.id: step.retry.max_retries + 1 for step in STEPS}[job.subscription]
        if isinstance(outcome, Done | Skipped):
            del self.alive[job.id]
            self.gone.add(job.id)
        elif isinstance(outcome, Died) or (isinstance(outcome, Failed | Retried) and job.attempt >= attempts):
            self.dead.add(job.id)

    @rule(job=settled_leases, outcome=OUTCOMES)
    def settle_again(self, job: Job, outcome: Outcome) -> None:
        (refusal,) = self.engine.settle([Settlement(job.lease, outcome)]).refused
        assert isinstance(refusal.error, LeaseLost)

    @rule(owner=st.sampled_from("ab"))
    def release(self, owner: str) -> None:
        held = len(self.running)
        released = self.engine.release(owner)
        assert released <= held
        listed = {job.id for job in self.engine.inspect.jobs(JobFilter(state="running"), limit=1_000)}
        assert len(listed) == held - released
        self.running = {job: lease for job, lease in self.running.items() if job in listed}

    @rule(seconds=st.sampled_from([0.0, 1.0, 5.0, 60.0]))
    def advance(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)
        self.engine.tick()

    @rule()
    def hold_the_disk(self) -> None:
        """From now on nothing becomes durable, and nobody waits for it."""
        self.disk.hold()

    @precondition(lambda self: self.disk.is_held)
    @rule()
    def let_the_disk_go(self) -> None:
        self.disk.let_go()
        self._durable(self.engine.committed)

    def _durable(self, commit: int) -> None:
        """Waits, unless the disk is held."""
        assert self.disk.is_held or self.engine.wait(commit, DEADLINE)

    @precondition(lambda self: self.dead and not self.disk.is_held)
    @rule()
    def retry_the_dead(self) -> None:
        commit, number = self.engine.dead.retry(JobFilter())
        assert self.engine.wait(commit, DEADLINE)
        assert number == len(self.dead)
        for job in self.dead:
            del self.crashes[job]
        self.dead.clear()

    @precondition(lambda self: self.dead and not self.disk.is_held)
    @rule()
    def purge_one(self) -> None:
        job = min(self.dead)
        commit, number = self.engine.dead.purge(JobFilter(ids=(job,)))
        assert self.engine.wait(commit, DEADLINE)
        assert number == 1
        self.dead.discard(job)
        del self.alive[job]
        self.gone.add(job)

    @rule(window=st.sampled_from([2, 5, 1_000]))
    def reopen(self, window: int) -> None:
        self.disk.let_go()
        self.options["window_jobs"] = window
        self.engine = self.rig.reopen(*STEPS, **self.options)
        self.running.clear()

    @rule()
    def crash(self) -> None:
        """The process is killed: what ran may be guilty, and is dead the third time."""
        self.disk.let_go()
        self.engine = self.rig.crash(*STEPS, **self.options)
        self.crashes.update(list(self.running))
        self.dead |= {job for job in self.running if self.crashes[job] == MAX_CRASHES}
        self.running.clear()

    # ------------------------------------------------------------ invariants

    @invariant()
    def nothing_is_lost_and_nothing_comes_back(self) -> None:
        jobs = self.engine.inspect.jobs(limit=10_000)
        assert [job.id for job in jobs] == sorted(self.alive)
        assert {job.id for job in jobs if job.state == "dead"} == self.dead
        assert {job.id for job in jobs if job.state == "running"} == set(self.running)
        assert all(job.payload == self.alive[job.id] for job in jobs)

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        assert sum(self.crashes[job] > 0 for job in self.running) <= 1
        assert len(self.running) <= CONCURRENCY
        for step in STEPS:
            assert sum(job.subscription == step.id for job in self.running.values()) <= step.concurrency

    @precondition(lambda self: not self.disk.is_held)
    @invariant()
    def gauges_agree_with_the_list(self) -> None:
        """What is due beyond the window is ready in the list and scheduled in the gauges, until a tick reads it.

        A job that is not durable yet is in the list, and in no gauge.
        """
        listed = {step.id: Counter[str]() for step in STEPS}
        for job in self.engine.inspect.jobs(limit=10_000):
            listed[job.subscription][job.state] += 1
        for each in self.engine.stats().subscriptions:
            states = listed[each.subscription]
            assert (each.running, each.dead) == (states["running"], states["dead"])
            assert each.ready + each.scheduled == states["ready"] + states["scheduled"]

    # ------------------------------------------------------------ the end

    @override
    def teardown(self) -> None:
        """Every living job still comes, once each, and then there is nothing left."""
        try:
            self.disk.let_go()
            if hasattr(self, "engine"):
                self._run_to_the_end()
        finally:
            self.rig.end()
            shutil.rmtree(self.folder)

    def _run_to_the_end(self) -> None:
        for owner in "ab":
            self.engine.release(owner)
        waiting = set(self.alive) - self.dead
        give_up = time.monotonic() + DEADLINE
        while waiting and time.monotonic() < give_up:
            self.rig.clock.advance(60.0)
            self.engine.tick()
            for kind in KINDS:
                for job in self.engine.claim("end", kind, 4):
                    waiting.remove(job.id)
                    self.engine.settle([Settlement(job.lease, Done())])
        assert not waiting, "acknowledged jobs never came"
        assert {job.id for job in self.engine.inspect.jobs(limit=10_000)} == self.dead


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.timeout(1_800)
def test_a_random_life_keeps_every_promise(name: Name) -> None:
    life = type("Life", (Life,), {"engine_name": name})
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=2_000 if SOAK else 40,
            stateful_step_count=60 if SOAK else 30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
