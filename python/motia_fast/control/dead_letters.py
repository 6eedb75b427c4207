"""The verbs about dead letters."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from motia_fast.contract import JobFilter
from motia_fast.control import views
from motia_fast.control.jobs import job_page
from motia_fast.encoding import encode
from motia_fast.errors import UnknownJob, ValidationFailed

if TYPE_CHECKING:
    from motia_fast.access import SyncAccess
    from motia_fast.contract import Engine


class Kept(Enum):
    """The default of an argument for which every JSON value, null too, means something."""

    KEPT = "kept"


class DeadLetterVerbs:
    """List, show, retry and purge."""

    def __init__(self, engine: Engine, access: SyncAccess, *, declared: bool) -> None:
        """`access` waits where the engine refuses to; `declared` is as for `JobVerbs`."""
        self._declared = declared
        self._engine = engine
        self._access = access

    def letters(self, step: str | None = None, limit: int = 100, after: int = 0) -> dict[str, Any]:
        """A page of dead letters, by id."""
        return job_page(self._engine.dead.list, JobFilter(step=step), limit, after, declared=self._declared)

    def show(self, job: int) -> dict[str, Any]:
        """One dead letter. Raises `UnknownJob`, saying what the job is instead."""
        found = self._engine.dead.get(job)
        if found is None:
            raise UnknownJob(self._no_dead_letter(job))
        return views.job(found, declared=self._declared)

    def retry(
        self,
        jobs: list[int] | None = None,
        step: str | None = None,
        every: bool = False,  # noqa: FBT001, FBT002 -- named by the frame that asks
        payload: Any = Kept.KEPT,
    ) -> dict[str, Any]:
        """Makes dead letters ready; a `payload` replaces that of the one which is named. Raises `UnknownJob`."""
        which = self._chosen(jobs or [], step, every)
        edited = None if payload is Kept.KEPT else self._edited(payload, jobs or [])
        commit, number = self._access.call(lambda: self._engine.dead.retry(which, edited))
        self._access.durable(commit)
        return {"retried": number}

    def purge(
        self,
        jobs: list[int] | None = None,
        step: str | None = None,
        every: bool = False,  # noqa: FBT001, FBT002 -- named by the frame that asks
    ) -> dict[str, Any]:
        """Forgets dead letters. Raises `UnknownJob`."""
        which = self._chosen(jobs or [], step, every)
        commit, number = self._access.call(lambda: self._engine.dead.purge(which))
        self._access.durable(commit)
        return {"purged": number}

    def _chosen(self, jobs: list[int], step: str | None, every: bool) -> JobFilter:  # noqa: FBT001 -- as above
        if [bool(jobs), step is not None, every].count(True) != 1:
            raise _wrong("which", "name jobs by id, or all of one step, or every one there is: exactly one of these")
        missing = [job for job in jobs if self._engine.dead.get(job) is None]
        if missing:
            raise UnknownJob("nothing was changed: " + "; ".join(self._no_dead_letter(job) for job in missing))
        return JobFilter(ids=tuple(jobs) if jobs else None, step=step)

    def _edited(self, payload: Any, jobs: list[int]) -> bytes:
        if len(jobs) != 1:
            raise _wrong("payload", "replaces the data of one job, so name exactly one")
        return encode(payload)

    def _no_dead_letter(self, job: int) -> str:
        found = self._engine.inspect.job(job)
        what = "it is finished, purged, or never was" if found is None else f"it is {found.state}"
        return f"there is no dead letter {job}; {what}"


def _wrong(field: str, message: str) -> ValidationFailed:
    return ValidationFailed("the choice of dead letters", [{"loc": [field], "msg": message, "type": "value_error"}])
