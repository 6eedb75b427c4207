"""One job while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motia_fast.session import Ledger

if TYPE_CHECKING:
    import asyncio

    from motia_fast.context import Run
    from motia_fast.contract import Job, Outcome
    from motia_fast.worker.route import Route


class Running:
    """A claimed job, its task, and what was decided about it from outside."""

    __slots__ = ("_run", "job", "lease", "ledger", "route", "started", "task", "verdict")

    def __init__(self, job: Job, route: Route) -> None:
        """Claimed, and not started."""
        self.job = job
        self.lease = job.lease
        self.route = route
        self.ledger = Ledger()
        #: The strong reference that keeps the task alive; None for a job of a thread.
        self.task: asyncio.Task[None] | None = None
        #: A task that is cancelled before its first step never runs any of its code.
        self.started = False
        #: What the run ends as, whatever its handler does; None while nothing was decided.
        self.verdict: Outcome | None = None
        self._run: Run | None = None

    def run(self) -> Run:
        """The run as context and log know it: made when somebody asks, as few handlers do."""
        if self._run is None:
            self._run = self.route.run_of(self.job)
        return self._run
