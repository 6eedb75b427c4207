"""The verbs about jobs and parked messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from motia_fast.contract import JobFilter
from motia_fast.control import views
from motia_fast.control.pages import page
from motia_fast.errors import UnknownJob

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.contract import Engine, JobView


class JobVerbs:
    """List what is unfinished, parked, and what finished last."""

    def __init__(self, engine: Engine, *, declared: bool) -> None:
        """Whether a job is orphaned can be told only where the steps are `declared`."""
        self._engine = engine
        self._declared = declared

    def jobs(
        self,
        state: Literal["ready", "scheduled", "running", "dead"] | None = None,
        step: str | None = None,
        limit: int = 100,
        after: int = 0,
    ) -> dict[str, Any]:
        """A page of unfinished jobs, by id."""
        which = JobFilter(state=state, step=step)
        return job_page(self._engine.inspect.jobs, which, limit, after, declared=self._declared)

    def job(self, job: int) -> dict[str, Any]:
        """One unfinished job. Raises `UnknownJob`."""
        found = self._engine.inspect.job(job)
        if found is None:
            raise UnknownJob(f"there is no unfinished job {job}; it is finished, or never was")
        return views.job(found, declared=self._declared)

    def parked(self, limit: int = 100, after: int = 0) -> dict[str, Any]:
        """A page of messages that wait for a step on their topic, by id."""
        found = page(
            self._engine.inspect.parked,
            limit,
            after,
            key=lambda view: view.message_id,
            size=lambda view: len(view.payload) + len(view.meta),
        )
        return found.answer("messages", views.parked)

    def finished(self) -> dict[str, Any]:
        """The last finished jobs, oldest first."""
        return {"jobs": [views.finished(row) for row in self._engine.inspect.history()]}


def job_page(
    fetch: Callable[[JobFilter, int, int], list[JobView]], which: JobFilter, limit: int, after: int, *, declared: bool
) -> dict[str, Any]:
    """A page of jobs, from whichever verb lists them."""
    found = page(
        lambda count, above: fetch(which, count, above), limit, after, key=lambda view: view.id, size=views.size_of_job
    )
    return found.answer("jobs", lambda view: views.job(view, declared=declared))
