"""Dead letters: jobs that gave up, kept with every attempt's error until they are retried, purged or too old."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from motia_fast.contract import JobFilter, JobView
from motia_fast.engine.pure.commit import Commit
from motia_fast.engine.pure.enqueue import schedule
from motia_fast.engine.pure.job import Record
from motia_fast.engine.pure.views import find
from motia_fast.errors import PayloadTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.engine.pure.parts import Parts

#: Dead letters that are retried or purged in one commit.
_BATCH = 256
_ALL = JobFilter()


class DeadLetters:
    """The dead letter verbs of the contract."""

    def __init__(self, parts: Parts) -> None:
        """Shares the engine's lock, store and committer."""
        self._parts = parts

    def list(self, which: JobFilter = _ALL, limit: int = 100, after: int = 0) -> list[JobView]:
        """See the contract."""
        return find(self._parts, replace(which, state="dead"), limit, after, attempts=True)

    def get(self, job: int) -> JobView | None:
        """See the contract."""
        found = self.list(JobFilter(ids=(job,)), limit=1)
        return found[0] if found else None

    def retry(self, which: JobFilter, payload: bytes | None = None) -> tuple[int, int]:
        """See the contract."""
        limit = self._parts.settings.max_payload
        if payload is not None and len(payload) > limit:
            raise PayloadTooLarge(f"payload: {len(payload)} bytes, more than max_payload={limit}")
        return self._each_batch(which, lambda commit, job: self._retry(commit, job, payload))

    def purge(self, which: JobFilter) -> tuple[int, int]:
        """See the contract."""
        return self._each_batch(which, self._purge)

    def _each_batch(self, which: JobFilter, change: Callable[[Commit, JobView], None]) -> tuple[int, int]:
        """Changes all that fit, a batch in a commit, and waits for each: who looks next must not find them again."""
        parts = self._parts
        parts.require_ours()
        with parts.dead_letters:
            return self._in_batches(replace(which, state="dead"), change)

    def _in_batches(self, which: JobFilter, change: Callable[[Commit, JobView], None]) -> tuple[int, int]:
        parts = self._parts
        count = after = 0
        with parts.running():  # under the lock, so that no sweep is about to commit
            number = parts.committer.committed
        parts.committer.wait(number)
        while found := find(parts, which, _BATCH, after, attempts=True):
            after = found[-1].id
            with parts.running():
                commit = Commit()
                for job in found:
                    change(commit, job)
                number = parts.commit(commit)
            parts.committer.wait(number)
            count += len(found)
        return number, count

    def _retry(self, commit: Commit, job: JobView, payload: bytes | None) -> None:
        """A retried dead letter is a job that is due now: it passes through the wheel, which is bounded."""
        parts = self._parts
        record = Record(
            job.id,
            job.message_id,
            parts.subscribed[job.subscription],
            job.priority,
            job.enqueued,
            job.meta,
            job.payload if payload is None else payload,
            error=job.attempts[-1].error if job.attempts else None,
        )
        schedule(record, parts.clock.now(), None)
        commit.changed.append(record)
        record.sub.unfinished += 1
        sql = "UPDATE job SET place = ?, due = ?, attempt = 0, crashes = 0, payload = ? WHERE id = ?"
        commit.write(sql, record.place, record.due, record.payload, record.id)

    def _purge(self, commit: Commit, job: JobView) -> None:
        commit.deleted.append(job.id)
        commit.write("DELETE FROM attempt WHERE job = ?", job.id)
