"""What happens to a job, and to a request's handler: one pipeline, read from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.context import Context, Run, SyncContext, TriggerInfo, current, new_trace_id
from motia_fast.contract import Done, Skipped
from motia_fast.errors import ValidationFailed
from motia_fast.retries import invalid_payload
from motia_fast.session import Ledger, Session
from motia_fast.triggers import QueueTrigger
from motia_fast.worker.route import routes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from motia_fast.access import AsyncAccess, SyncAccess
    from motia_fast.contract import Message, Outcome
    from motia_fast.requests import Request
    from motia_fast.steps import Step
    from motia_fast.triggers import HttpTrigger
    from motia_fast.worker.route import Route
    from motia_fast.worker.running import Running
    from motia_fast.worker.threads import Threads

_DONE = Done()


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

    async def execute(self, running: Running) -> Outcome:
        """Runs a job to its end, in a context of its own; raises only `KeyboardInterrupt` and `GeneratorExit`.

        Cancel it to end it early.
        """
        route = running.route
        try:
            data = route.decode(running.job.payload)
        except ValidationFailed as error:
            return invalid_payload(error)
        session = Session(self._access, running.ledger, self._check)
        ctx = Context(running.run, session, data, data, self.resources)
        current.set(ctx)
        try:
            if route.predicate is not None and not await self._wanted(route, data, ctx):
                return Skipped("condition")
            if route.kind == "async":
                await route.call(data, ctx)
            else:
                await self._in_thread(route.call, data, ctx, self._job_threads)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        # A handler that calls sys.exit(), or awaits what somebody else cancelled, fails; the server goes on.
        except BaseException as error:  # noqa: BLE001 -- see above
            return route.outcome_of(error)
        return _DONE

    async def _wanted(self, route: Route, data: Any, ctx: Context) -> bool:
        try:
            return await route.step.wants(route.trigger, data, ctx)
        except Exception:
            if isinstance(route.trigger, QueueTrigger):
                raise
            ctx.logger.exception("The condition raised, so the tick is skipped")
            return False

    # ---------------------------------------------------------------- requests

    def open_http(self, step: Step[..., Any], trigger: HttpTrigger, request: Request[Any]) -> Context:
        """The context of one request; middleware and conditions get it too."""
        info = TriggerInfo("http", step.index_of(trigger), method=trigger.method, path=trigger.path)
        run = Run(step.name, info, _trace_of(request.headers.get("traceparent")), step.flows)
        session = Session(self._access, Ledger(), check=self._check)
        return Context(run, session, request, resources=self.resources)

    async def invoke(self, step: Step[..., Any], data: Any, ctx: Context) -> Any:
        """Calls a handler for a request: awaits an `async def`, and calls a `def` in a thread with a `SyncContext`.

        `ctx` is `current` already. Raises whatever the handler raises.
        """
        if step.kind == "async":
            return await step.call(data, ctx)
        return await self._in_thread(step.call, data, ctx, self._request_threads)

    async def settle_http(self, ctx: Context) -> None:
        """Returns once everything committed up to the handler's last engine call survives a crash."""
        await ctx.durable()

    def close(self, ctx: Context, why: str) -> None:
        """Refuses all further writes of a request's run with `ContextClosed`; `why` is its message."""
        ctx.session.ledger.closed = why

    async def _in_thread(self, call: Callable[[object, object], Any], data: Any, ctx: Context, threads: Threads) -> Any:
        inner = SyncContext(ctx, self._blocking)

        def called() -> Any:
            current.set(inner)  # in the thread's copy of this context alone
            return call(data, inner)

        return await threads.run(called)


def _trace_of(traceparent: str | None) -> str:
    """The trace id of a W3C ``traceparent`` (``00-<32 hex>-<16 hex>-<2 hex>``), or a new one."""
    parts = (traceparent or "").split("-")
    if len(parts) >= 4 and len(parts[1]) == 32 and set(parts[1]) <= set("0123456789abcdef") and set(parts[1]) != {"0"}:  # noqa: PLR2004 -- as the standard counts
        return parts[1]
    return new_trace_id()
