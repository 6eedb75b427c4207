"""What happens to a job, and to a request's handler: one pipeline, read from top to bottom."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from motia_fast.context import Context, Run, SyncContext, TriggerInfo, current, new_trace_id
from motia_fast.contract import Done, Skipped
from motia_fast.errors import ValidationFailed
from motia_fast.retries import invalid_payload
from motia_fast.session import Ledger, Session
from motia_fast.triggers import QueueTrigger
from motia_fast.worker.route import routes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from motia_fast.access import AsyncAccess, SyncAccess
    from motia_fast.contract import Job, Message, Outcome
    from motia_fast.requests import Request
    from motia_fast.steps import Step
    from motia_fast.triggers import HttpTrigger
    from motia_fast.worker.route import Route
    from motia_fast.worker.threads import Threads


class Execution:
    """Runs handlers. `resources` is the value of the application's lifespan; set it before the first run."""

    def __init__(
        self,
        steps: Iterable[Step[..., Any]],
        access: AsyncAccess,
        blocking: SyncAccess,
        *,
        check: Callable[[Message], None],
        job_threads: Threads,
        request_threads: Threads,
    ) -> None:
        """`check` sees each message that a handler enqueues, and raises to refuse it.

        Jobs and requests have threads of their own, so that no request waits behind long jobs.
        """
        self.resources: Any = None
        self.routes = {route.subscription.id: route for step in steps for route in routes_of(step)}
        self._access = access
        self._blocking = blocking
        self._check = check
        self._job_threads = job_threads
        self._request_threads = request_threads

    # ---------------------------------------------------------------- jobs

    async def execute(self, job: Job, ledger: Ledger) -> Outcome:
        """Runs a job to its end; raises only `KeyboardInterrupt` and `GeneratorExit`. Cancel it to end it early."""
        route = self.routes[job.subscription]
        try:
            data = route.step.decode(route.trigger, job.payload)
        except ValidationFailed as error:
            return invalid_payload(error)
        with running(self._open_job(job, route, data, ledger)) as ctx:
            try:
                if not await self._wanted(route, data, ctx):
                    return Skipped("condition")
                await self._call(route.step, data, ctx, self._job_threads)
                return Done()
            except (KeyboardInterrupt, GeneratorExit):
                raise
            # A handler that calls sys.exit(), or awaits what somebody else cancelled, fails; the server goes on.
            except BaseException as error:  # noqa: BLE001 -- see above
                return route.outcome_of(error)

    async def _wanted(self, route: Route, data: Any, ctx: Context) -> bool:
        try:
            return await route.step.wants(route.trigger, data, ctx)
        except Exception:
            if isinstance(route.trigger, QueueTrigger):
                raise
            ctx.logger.exception("The condition raised, so the tick is skipped")
            return False

    def _open_job(self, job: Job, route: Route, data: Any, ledger: Ledger) -> Context:
        session = Session(self._access, ledger, check=self._check)
        return Context(route.run_of(job), session, input=data, data=data, resources=self.resources)

    # ---------------------------------------------------------------- requests

    def open_http(self, step: Step[..., Any], trigger: HttpTrigger, request: Request[Any]) -> Context:
        """The context of one request; middleware and conditions get it too."""
        info = TriggerInfo("http", step.index_of(trigger), method=trigger.method, path=trigger.path)
        run = Run(step.name, info, _trace_of(request.headers.get("traceparent")), step.flows)
        session = Session(self._access, Ledger(), check=self._check)
        return Context(run, session, input=request, resources=self.resources)

    async def invoke(self, step: Step[..., Any], data: Any, ctx: Context) -> Any:
        """Calls a handler for a request: awaits an `async def`, and calls a `def` in a thread with a `SyncContext`.

        Raises whatever the handler raises.
        """
        with running(ctx):
            return await self._call(step, data, ctx, self._request_threads)

    async def settle_http(self, ctx: Context) -> None:
        """Returns once everything committed up to the handler's last engine call survives a crash."""
        await ctx.durable()

    def close(self, ctx: Context, why: str) -> None:
        """Refuses all further writes of a request's run with `ContextClosed`; `why` is its message."""
        ctx.session.ledger.closed = why

    async def _call(self, step: Step[..., Any], data: Any, ctx: Context, threads: Threads) -> Any:
        if step.kind == "async":
            return await step.call(data, ctx)
        with running(SyncContext(ctx, self._blocking)) as inner:
            return await threads.run(lambda: step.call(data, inner))


@contextmanager
def running(ctx: Any) -> Generator[Any]:
    """Makes `ctx` the one that ambient names and log lines find."""
    token = current.set(ctx)
    try:
        yield ctx
    finally:
        current.reset(token)


def _trace_of(traceparent: str | None) -> str:
    """The trace id of a W3C ``traceparent`` (``00-<32 hex>-<16 hex>-<2 hex>``), or a new one."""
    parts = (traceparent or "").split("-")
    if len(parts) >= 4 and len(parts[1]) == 32 and set(parts[1]) <= set("0123456789abcdef") and set(parts[1]) != {"0"}:  # noqa: PLR2004 -- as the standard counts
        return parts[1]
    return new_trace_id()
