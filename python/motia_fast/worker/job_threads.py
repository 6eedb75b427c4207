"""Threads that run the jobs of `def` steps, and go from one to the next by themselves.

The loop claims as many jobs as there are threads without one, and hands each to its thread. A thread that ends a job
settles it and claims the next in one crossing, without the loop. Where there is none, it tells the loop and waits.
"""

from __future__ import annotations

import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from motia_fast.contract import Released
from motia_fast.errors import EngineClosed, EngineStopped
from motia_fast.worker import report
from motia_fast.worker.running import Running
from motia_fast.worker.threads import call_on

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Sequence
    from contextvars import Context as ContextVars

    from motia_fast.access import SyncAccess
    from motia_fast.contract import Job, Outcome, Settlement, Turn
    from motia_fast.worker.execution import Execution

T = TypeVar("T")
#: By which a thread is known, and gets its first job; None ends it.
Inbox = SimpleQueue[Running | None]
#: Seconds of its own CPU time after which a thread lets others have the GIL. Left to the interpreter, each thread keeps
#: it for 5 ms, and with six of them busy the loop is 8 to 43 ms late at p99; so it is 10 to 12, for a tenth of the CPU.
STINT = 0.0003
#: Seconds: long enough for another thread to wake. After a sleep of 0 this one would have the GIL again before that.
PAUSE = 1e-6


class JobThreads:
    """Up to `limit` threads, started as they are needed. They are daemons, as `Threads` are."""

    # What the loop and the threads share has no lock. Each access to it is one operation of a dict, list or attribute
    # whose keys hash by identity: no Python code runs within it, so the GIL (or the lock of the object, where there is
    # no GIL) makes it whole. What makes their order right:
    #
    # `_table` gets an entry from the loop before the thread gets the job; then only its thread touches it. That puts
    # the next job in the place of the last in one step, after the last was settled: nobody sees a thread between two.
    # `_idle` grows by threads whose entry is gone, and only the loop takes from it: what it has counted is still there.
    # `_told` is set after that, and cleared by the loop before it looks: who finds it set will be seen.
    # `claiming` is cleared before the loop lists `_table` at a stop, and read by a thread after it has put its job
    # there: either the loop finds the job, or the thread releases it.

    def __init__(self, limit: int, owner: str, execution: Execution, blocking: SyncAccess) -> None:
        """Nothing runs before `start`."""
        #: Cleared for good when no job may begin any more.
        self.claiming = False
        self._limit = limit
        self._owner = owner
        self._execution = execution
        self._blocking = blocking
        self._table: dict[Inbox, Running] = {}
        self._inboxes: list[Inbox] = []
        self._idle: list[Inbox] = []
        self._told = False
        self._loop: asyncio.AbstractEventLoop
        self._context: ContextVars
        self._wake: Callable[[], None]
        self._hear: Callable[[Turn, Sequence[Settlement]], None]

    # ---------------------------------------------------------------- on the loop

    def start(
        self,
        loop: asyncio.AbstractEventLoop,
        context: ContextVars,
        wake: Callable[[], None],
        hear: Callable[[Turn, Sequence[Settlement]], None],
    ) -> None:
        """`wake` is called on the loop when threads have become idle, `hear` with what concerns others in a turn."""
        self._loop, self._context, self._wake, self._hear = loop, context, wake, hear
        self.claiming = True

    @property
    def free(self) -> int:
        """Jobs that can begin at once."""
        return len(self._idle) + self._limit - len(self._inboxes)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Hands out jobs, at most `free` of them."""
        for job in jobs:
            inbox = self._idle.pop() if self._idle else self._spawn()
            running = self._table[inbox] = self._running(job)
            inbox.put(running)

    def runs(self) -> list[Running]:
        """The jobs that threads have."""
        return list(self._table.copy().values())  # a copy is made at once, a list while others write

    def stop(self) -> None:
        """Lets each thread end once it is idle; does not wait for them."""
        for inbox in self._inboxes:
            inbox.put(None)

    def _spawn(self) -> Inbox:
        inbox: Inbox = SimpleQueue()
        name = f"motia_fast-job-{len(self._inboxes)}"
        self._inboxes.append(inbox)
        threading.Thread(target=self._work, args=(inbox,), name=name, daemon=True).start()
        return inbox

    def _heard(self) -> None:
        self._told = False
        self._wake()

    # ---------------------------------------------------------------- in a thread

    def _work(self, inbox: Inbox) -> None:
        while (running := inbox.get()) is not None:
            rested = time.thread_time()
            while running is not None:
                running = self._next(inbox, running, self._run(running))
                if time.thread_time() - rested > STINT:
                    time.sleep(PAUSE)
                    rested = time.thread_time()
            del self._table[inbox]
            self._idle.append(inbox)
            self._tell()

    def _run(self, running: Running) -> Outcome:
        if not self.claiming:
            return Released()
        try:
            return self._context.copy().run(_driven, self._execution.execute(running))
        except KeyboardInterrupt as error:
            call_on(self._loop, _raise, error)
            return Released()
        # A mistake of ours fails the attempt, as in the loop; nothing ends the thread.
        except BaseException as error:  # noqa: BLE001 -- see above
            return running.route.outcome_of(error)

    def _next(self, inbox: Inbox, running: Running, outcome: Outcome) -> Running | None:
        """Settles a job, waiting for room where there is none, and takes the next."""
        entries = [report.ended(running, outcome)]
        engine, owner = self._blocking.engine, self._owner
        try:
            turn = self._blocking.call(lambda: engine.turn(owner, "thread", entries, int(self.claiming)))
        except (EngineStopped, EngineClosed):  # the loop's next turn finds out too
            return None
        if turn.settled.refused or turn.notices:
            call_on(self._loop, self._hear, turn, entries)
        if not turn.jobs:
            return None
        following = self._table[inbox] = self._running(turn.jobs[0])
        # Whoever watches over time looks again when the last job's timeout would have ended, at the latest.
        if following.route.timeout < running.route.timeout:
            self._tell()
        return following

    def _running(self, job: Job) -> Running:
        return Running(job, self._execution.routes[job.subscription])

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            call_on(self._loop, self._heard)


def _driven(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that never waits: in a thread, all that it calls blocks."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    coroutine.close()
    raise RuntimeError("a `def` step's job waited for an event loop in its thread")


def _raise(error: BaseException) -> None:
    raise error
