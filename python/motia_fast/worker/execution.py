"""What happens to a job, and to a request's handler: one pipeline, read from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.context import Context, Run, SyncContext, current, new_trace_id
from motia_fast.contract import Done, Skipped
from motia_fast.errors import ValidationFailed
from motia_fast.retries import invalid_payload
from motia_fast.session import Ledger, Session
from motia_fast.triggers import QueueTrigger
from motia_fast.worker.route import routes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from motia_fast.access import AsyncAccess, SyncAccess
    from motia_fast.context import TriggerInfo
    from motia_fast.contract import Message, Outcome
    from motia_fast.requests import Request
    from motia_fast.steps import Step
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
        request_threads: Threads,
    ) -> None:
        """`check` sees each message that a handler enqueues, and raises to refuse it.

        Requests have threads of their own, so that none waits behind long jobs.
        """
        self.resources: Any = None
        self.routes = {route.subscription.id: route for step in steps for route in routes_of(step)}
        self._access = access
        self._blocking = blocking
        self._check = check
        self._request_threads = request_threads

    # ---------------------------------------------------------------- jobs

    async def execute(self, running: Running) -> Outcome:
        """Runs a job to its end, in a context of its own; raises only `KeyboardInterrupt` and `GeneratorExit`.

        Cancel it to end it early. That of a `def` step never waits: it blocks, and belongs in a thread.
        """
        route = running.route
        try:
            data = route.decode(running.job.payload)
        except ValidationFailed as error:
            return invalid_payload(error)
        ctx = self._open(running, data)
        try:
            if route.predicate is not None and not await self._wanted(running, data, ctx):
                return Skipped("condition")
            if route.kind == "async":
                await route.call(data, ctx)
            else:
                route.call(data, ctx)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        # A handler that calls sys.exit(), or awaits what somebody else cancelled, fails; the server goes on.
        except BaseException as error:  # noqa: BLE001 -- see above
            return route.outcome_of(error)
        return _DONE

    def _open(self, running: Running, data: Any) -> Context | SyncContext:
        ctx = self._context(running, data)
        own = ctx if running.route.kind == "async" else SyncContext(ctx, self._blocking)
        current.set(own)
        return own

    def _context(self, running: Running, data: Any) -> Context:
        session = Session(self._access, running.ledger, self._check)
        return Context(running.run, session, data, data, self.resources)

    async def _wanted(self, running: Running, data: Any, ctx: Context | SyncContext) -> bool:
        route = running.route
        try:
            if route.predicate is not None and route.predicate.is_async and route.kind == "thread":
                return self._access.ask(self._wanted_on_loop(running, data))
            return await route.step.wants(route.trigger, data, ctx)
        except Exception:
            if isinstance(route.trigger, QueueTrigger):
                raise
            ctx.logger.exception("The condition raised, so the tick is skipped")
            return False

    async def _wanted_on_loop(self, running: Running, data: Any) -> bool:
        ctx = self._context(running, data)
        current.set(ctx)
        return await running.route.step.wants(running.route.trigger, data, ctx)

    # ---------------------------------------------------------------- requests

    def open_http(self, step: Step[..., Any], trigger: TriggerInfo, request: Request[Any]) -> Context:
        """The context of one request; middleware and conditions get it too."""

        def run() -> Run:
            return Run(step.name, trigger, _trace_of(request.headers.get("traceparent")), step.flows)

        session = Session(self._access, Ledger(), self._check)
        return Context(run, session, request, None, self.resources)

    async def invoke(self, step: Step[..., Any], data: Any, ctx: Context) -> Any:
        """Calls a handler for a request: awaits an `async def`, and calls a `def` in a thread with a `SyncContext`.

        `ctx` is `current` already. Raises whatever the handler raises.
        """
        if step.kind == "async":
            return await step.call(data, ctx)
        inner = SyncContext(ctx, self._blocking)

        def called() -> Any:
            current.set(inner)  # in the thread's copy of this context alone
            return step.call(data, inner)

        return await self._request_threads.run(called)

    async def settle_http(self, ctx: Context) -> None:
        """Returns once everything committed up to the handler's last engine call survives a crash."""
        await ctx.session.durable()

    def close(self, ctx: Context, why: str) -> None:
        """Refuses all further writes of a request's run with `ContextClosed`; `why` is its message."""
        ctx.session.ledger.closed = why


def _trace_of(traceparent: str | None) -> str:
    """The trace id of a W3C ``traceparent`` (``00-<32 hex>-<16 hex>-<2 hex>``), or a new one."""
    if traceparent is None:
        return new_trace_id()
    parts = traceparent.split("-")
    if len(parts) >= 4 and len(parts[1]) == 32 and set(parts[1]) <= set("0123456789abcdef") and set(parts[1]) != {"0"}:  # noqa: PLR2004 -- as the standard counts
        return parts[1]
    return new_trace_id()
