"""What a program does to dead letters, and `app.sync`: the application for threads and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from motia_fast.context import SyncContext, current, new_trace_id
from motia_fast.contract import JobFilter
from motia_fast.encoding import encode
from motia_fast.errors import ValidationFailed
from motia_fast.messages import message_of, meta_of
from motia_fast.session import Ledger, SyncSession
from motia_fast.state_store import SyncStateManager
from motia_fast.sync import refuse_on_loop

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping

    from motia_fast.contract import JobView, Receipt, Stats
    from motia_fast.messages import Options
    from motia_fast.services import Services

_KEEP = object()


class Dead:
    """Dead letters: jobs that gave up."""

    def __init__(self, services: Callable[[], Services]) -> None:
        """`services` are those that run; it raises `NotRunning` where none do."""
        self._services = services

    async def list(self, *, step: str | None = None, limit: int = 100, after: int = 0) -> builtins.list[JobView]:
        """Dead letters by id, each with its attempts: of one step or of all, those with an id above `after`."""
        services = self._services()
        return await services.access.cold(lambda: services.engine.dead.list(JobFilter(step=step), limit, after))

    async def get(self, job: int) -> JobView | None:
        """One dead letter, or None."""
        services = self._services()
        return await services.access.cold(lambda: services.engine.dead.get(job))

    async def retry(self, *jobs: int, step: str | None = None, every: bool = False, data: Any = _KEEP) -> int:
        """Makes dead letters ready again, with all their attempts before them; returns their number.

        Which: those that are named, all of a `step`, or with `every` all there are (else `ValidationFailed`). `data`
        replaces their payload.
        """
        which, payload = _which(jobs, step, every=every), None if data is _KEEP else encode(data)
        return await self._change(lambda services: services.engine.dead.retry(which, payload))

    async def purge(self, *jobs: int, step: str | None = None, every: bool = False) -> int:
        """Forgets dead letters, chosen as for `retry`; returns their number."""
        which = _which(jobs, step, every=every)
        return await self._change(lambda services: services.engine.dead.purge(which))

    async def _change(self, verb: Callable[[Services], tuple[int, int]]) -> int:
        services = self._services()
        blocking = services.blocking
        commit, count = await services.access.cold(lambda: blocking.call(lambda: verb(services)))
        await services.access.durable(commit)
        return count


class SyncDead:
    """As `Dead`, blocking."""

    def __init__(self, services: Callable[[], Services]) -> None:
        """As `Dead`."""
        self._services = services

    def list(self, *, step: str | None = None, limit: int = 100, after: int = 0) -> builtins.list[JobView]:
        """As `Dead.list`."""
        return self._services().engine.dead.list(JobFilter(step=step), limit, after)

    def get(self, job: int) -> JobView | None:
        """As `Dead.get`."""
        return self._services().engine.dead.get(job)

    def retry(self, *jobs: int, step: str | None = None, every: bool = False, data: Any = _KEEP) -> int:
        """As `Dead.retry`."""
        which, payload = _which(jobs, step, every=every), None if data is _KEEP else encode(data)
        return self._change(lambda services: services.engine.dead.retry(which, payload))

    def purge(self, *jobs: int, step: str | None = None, every: bool = False) -> int:
        """As `Dead.purge`."""
        which = _which(jobs, step, every=every)
        return self._change(lambda services: services.engine.dead.purge(which))

    def _change(self, verb: Callable[[Services], tuple[int, int]]) -> int:
        services = self._services()
        commit, count = services.blocking.call(lambda: verb(services))
        services.blocking.durable(commit)
        return count


class SyncApp:
    """`app.sync`: what an App offers, for threads and scripts. On the thread of an event loop it refuses."""

    def __init__(self, services: Callable[[], Services]) -> None:
        """As `Dead`."""
        self._find = services
        #: Groups of JSON values by key; writes return when they survive a crash.
        self.state = SyncStateManager(self._session)
        #: Dead letters.
        self.dead = SyncDead(self._services)

    def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
        """As `App.enqueue`; within a `def` handler, as `ctx.enqueue`."""
        ctx = self._context()
        if ctx is not None:
            return ctx.enqueue(topic, data, **options)
        message = message_of(topic, data, options, meta_of(new_trace_id()))
        return self._session().enqueue([message]).receipts[0]

    def stats(self) -> Stats:
        """As `App.stats`."""
        return self._services().engine.stats()

    def _services(self) -> Services:
        refuse_on_loop("app.sync", "the same name on app itself, and await it")
        return self._find()

    def _session(self) -> SyncSession:
        ctx, services = self._context(), self._services()
        return (
            SyncSession(services.blocking, Ledger(), waits=True, check=services.check) if ctx is None else ctx.session
        )

    def _context(self) -> SyncContext | None:
        """The `def` handler of this application that runs in this thread, if one does."""
        ctx = current.get(None)
        return ctx if isinstance(ctx, SyncContext) and ctx.session.engine is self._services().engine else None


def _which(jobs: tuple[int, ...], step: str | None, *, every: bool) -> JobFilter:
    if not (jobs or step is not None or every):
        raise ValidationFailed(
            "which dead letters",
            [{"loc": ["jobs"], "msg": "name jobs or a step, or say every=True", "type": "missing"}],
        )
    return JobFilter(ids=jobs or None, step=step)
