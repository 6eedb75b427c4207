"""The worker: wakes, claims, hands out, and takes back what became of it. All of it runs on the event loop.

Jobs of `def` steps it only begins: `job_threads` goes on by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from contextvars import copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from motia_fast.contract import Failed, Released
from motia_fast.errors import EngineClosed, EngineStopped, PendingFull, StepTimeout
from motia_fast.worker import report
from motia_fast.worker.job_threads import JobThreads
from motia_fast.worker.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from contextvars import Context as ContextVars

    from motia_fast.access import AsyncAccess, SyncAccess
    from motia_fast.contract import Job, Kind, Lease, Notice, Outcome, Settlement, Turn
    from motia_fast.worker.execution import Execution

#: In the order in which they are claimed.
_KINDS: tuple[Kind, ...] = ("async", "thread")
#: Jobs taken by one crossing. 256 would save nothing: with 12 objects for each, the collector of cyclic garbage finds
#: them alive and keeps them, which costs more (1.2 us a job on 3.11) than a crossing for 64.
CLAIM = 64
#: Seconds for which jobs are started before HTTP and timers have their turn.
BUDGET = 0.001
#: Jobs of the first batch, while nothing is known of how long they take.
FIRST = 16
#: Real seconds that cancelled handlers have to end at a stop, after the grace period.
LAST_GASP = 1.0

_TIMED_OUT = 'step "{step}" ran longer than its timeout of {timeout:g} s, so it may not write any more'
_STOPPED = 'step "{step}" was released because the application stops; its job runs again after the next start'


class Worker:
    """Runs jobs of one engine until it is stopped. `owner` names its leases."""

    def __init__(
        self,
        access: AsyncAccess,
        blocking: SyncAccess,
        execution: Execution,
        *,
        threads: int,
        owner: str = "worker",
    ) -> None:
        """Nothing runs before `start`; `threads` is how many `def` handlers may run at once."""
        self.owner = owner
        #: Called after each turn, when the next thing that time does may be another one.
        self.after_turn: Callable[[], None] = lambda: None
        #: Seconds that the loop took to come to the last turns: the longest since it was last asked for.
        self.lag = 0.0
        self._access = access
        self._execution = execution
        self._threads = JobThreads(threads, owner, execution, blocking)
        declared = {route.kind for route in execution.routes.values()}
        self._kinds: list[Kind] = [kind for kind in _KINDS if kind in declared]
        #: The jobs that have tasks, or are about to.
        self._table: dict[Lease, Running] = {}
        self._unstarted: deque[Running] = deque()
        self._finished: list[Settlement] = []
        self._claiming = False
        self._scheduled = False
        self._starting = False
        #: Jobs that are started at once, so that it takes about `BUDGET`; found out by measuring.
        self._batch = FIRST
        #: The last turn took all it was allowed to, or nothing because others were about to start: there may be more.
        self._hungry = False
        self._room: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._turned = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._context: ContextVars

    # ---------------------------------------------------------------- life

    def start(self) -> None:
        """Begins to claim, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._claiming = True
        self._threads.start(self._loop, self._context, self.wake, self._hear)
        self._access.listen(self.wake)
        self.wake()

    async def stop(self, grace: float) -> None:
        """Claims no more, waits up to `grace` seconds for what runs, then cancels and releases what is left.

        A thread cannot be cancelled: its lease ends when the engine closes. Returns when nothing more can be settled.
        """
        self._claim_no_more()
        self._release_unstarted()
        await self.until(lambda: self.idle, grace)
        for running in self.runs():
            self._end_early(running, Released(), _STOPPED.format(step=running.route.step.name))
        await self.until(lambda: self.settled and not self._table, LAST_GASP)
        self._threads.stop()
        if self._room is not None:
            self._room.cancel()

    @property
    def idle(self) -> bool:
        """Whether nothing runs, and nothing waits to be settled."""
        return not self.runs() and self.settled

    @property
    def settled(self) -> bool:
        """Whether nothing waits to be settled."""
        return not self._finished

    def runs(self) -> list[Running]:
        """The jobs that are running, or claimed and about to."""
        return [*self._table.values(), *self._threads.runs()]

    async def until(self, fact: Callable[[], bool], timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- returns, does not raise
        """Returns True once `fact` is true after a turn, False after `timeout` real seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not fact():
                    await self._turned.wait()
        return fact()

    # ---------------------------------------------------------------- turns

    def wake(self) -> None:
        """Does a turn: the engine has something to claim, or a notice, or it stopped."""
        self._scheduled = False
        if self._room is not None:
            return
        try:
            self._turn()
        except PendingFull:
            self._room = self._loop.create_task(self._wait_for_room())
        except (EngineStopped, EngineClosed):
            self._fail()
        self.after_turn()
        # Wakes those who wait now, and nobody who comes later.
        self._turned.set()
        self._turned.clear()

    def _turn(self) -> None:
        self._hungry = self._claiming and bool(self._unstarted)
        limits: dict[Kind, int] = {kind: self._limit(kind) for kind in self._kinds}
        for kind, limit in limits.items():
            entries = self._finished
            turn = self._access.engine.turn(self.owner, kind, entries, limit)
            self._finished = []
            if kind == "thread":
                self._threads.begin(turn.jobs)
            else:
                self._take(turn.jobs)
                self._hungry = self._hungry or len(turn.jobs) == limit > 0
            self._hear(turn, entries)
        self._start()

    def _limit(self, kind: Kind) -> int:
        if not self._claiming:
            return 0
        if kind == "thread":
            return self._threads.free
        return 0 if self._unstarted else CLAIM

    def _schedule(self) -> None:
        self._scheduled = True
        self._asked_at = self._loop.time()
        self._loop.call_soon(self._scheduled_turn)

    def _scheduled_turn(self) -> None:
        if self._scheduled:  # a wake-up may have done it meanwhile
            self.lag = max(self.lag, self._loop.time() - self._asked_at)
            self.wake()

    async def _wait_for_room(self) -> None:
        # Nothing of the batch was settled; it waits in `_finished` until something else has become durable.
        with contextlib.suppress(EngineStopped):
            engine = self._access.engine
            await self._access.durable(min(engine.durable + 1, engine.committed))
        self._room = None
        self.wake()

    def _fail(self) -> None:
        """The engine stopped for good: nothing is claimed or settled any more, and running handlers may end."""
        self._claim_no_more()
        self._finished.clear()
        for running in self._unstarted:
            self._table.pop(running.lease)
        self._unstarted.clear()

    def _claim_no_more(self) -> None:
        self._claiming = self._threads.claiming = False

    def _hear(self, turn: Turn, entries: Sequence[Settlement]) -> None:
        """What a turn says beside its jobs: one of the loop, or of a thread."""
        outcomes = {entry.lease: entry.outcome for entry in entries} if turn.settled.refused else {}
        for refusal in turn.settled.refused:
            report.refused(refusal.lease, outcomes.get(refusal.lease), refusal.error)
        for notice in turn.notices:
            self._heed(notice)

    # ---------------------------------------------------------------- starts

    def _take(self, jobs: list[Job]) -> None:
        routes = self._execution.routes
        for job in jobs:
            running = Running(job, routes[job.subscription])
            self._table[running.lease] = running
            self._unstarted.append(running)

    def _start(self) -> None:
        """Starts a batch of what was claimed, and goes on after others had their turn."""
        if not self._unstarted or self._starting:
            return
        self._starting = True
        began = self._loop.time()
        for _ in range(min(self._batch, len(self._unstarted))):
            running = self._unstarted.popleft()
            if running.lease not in self._table:  # it timed out before it was started
                continue
            # Turns are often asked for by a job that ends: a copy of what is current would be a copy of that job's.
            task = _spawn(self._live(running), self._loop, running.route.step.name, self._context.copy())
            if not task.done():  # as it may be where starts are eager
                running.task = task
        # Called once all of these have run to where they first wait.
        self._loop.call_soon(self._started, began)

    def _started(self, began: float) -> None:
        self._starting = False
        took = max(self._loop.time() - began, 1e-6)
        # The share of the budget that the batch took says how large the next may be.
        self._batch = max(1, min(CLAIM, 2 * self._batch, round(self._batch * BUDGET / took)))
        self._start()
        if self._hungry and not self._unstarted and not self._scheduled:
            self._schedule()

    async def _live(self, running: Running) -> None:
        running.started = True
        try:
            outcome = await self._execution.execute(running)
        except KeyboardInterrupt:
            self._end(running, Released())
            raise
        except Exception as error:  # noqa: BLE001 -- a mistake of ours fails the attempt: it must not hold the place for good
            outcome = running.route.outcome_of(error)
        self._end(running, outcome if running.verdict is None else _decided(running.verdict, outcome))

    # ---------------------------------------------------------------- ends

    def _end(self, running: Running, outcome: Outcome) -> None:
        if self._table.pop(running.lease, None) is None:
            return
        # The task's context leads back to here: left alone, each job would wait for the collector of cyclic garbage.
        running.task = None
        self._finished.append(report.ended(running, outcome))
        if not self._scheduled:
            self._schedule()

    def _end_early(self, running: Running, verdict: Outcome, why: str) -> None:
        running.ledger.closed = why
        if running.route.kind == "thread":
            return
        running.verdict = verdict
        if running.task is not None:
            running.task.cancel()
        if not running.started:  # its code will never run
            self._end(running, verdict)

    def _release_unstarted(self) -> None:
        while self._unstarted:
            self._end(self._unstarted.popleft(), Released())

    def _heed(self, notice: Notice) -> None:
        running = next((run for run in self.runs() if run.lease == notice.lease), None)
        if running is None or running.verdict is not None:  # it ended meanwhile
            return
        route = running.route
        report.overdue(running.run(), route.timeout, route.kind)
        if route.kind == "async":
            error = StepTimeout(f"the handler ran longer than its timeout of {route.timeout:g} s")
            why = _TIMED_OUT.format(step=route.step.name, timeout=route.timeout)
            self._end_early(running, route.outcome_of(error), why)


def _decided(verdict: Outcome, outcome: Outcome) -> Outcome:
    """What was decided from outside counts, whatever the handler made of its cancellation."""
    if isinstance(verdict, Failed) and isinstance(outcome, Failed):  # where the handler was when it was cancelled
        return replace(verdict, error=replace(verdict.error, traceback=outcome.error.traceback))
    return verdict


#: A handler that never waits costs no trip through the loop.
_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}


def _spawn(
    run: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop, name: str, context: ContextVars
) -> asyncio.Task[None]:
    # Not by `loop.create_task`: it would have made a name of its own before it takes this one.
    return asyncio.Task(run, loop=loop, name=name, context=context, **_EAGER)
