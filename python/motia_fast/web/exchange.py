"""One request in its step: middleware, outermost first, around validation, condition and handler.

The step runs in a task of its own, so that the client is answered in time whatever the step does. Last comes the wait
until all that the handler saw and wrote survives a crash.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from motia_fast.context import current
from motia_fast.errors import EngineError
from motia_fast.responses import BadResponse, Response, response_of
from motia_fast.web import refusals
from motia_fast.web.refusals import Refused
from motia_fast.web.rendering import render
from motia_fast.web.validation import validate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from motia_fast.context import Context
    from motia_fast.requests import Request
    from motia_fast.steps import Step
    from motia_fast.triggers import HttpTrigger
    from motia_fast.web.wanted import Wanted
    from motia_fast.web.wire import RawResponse

    Middleware = Callable[[Request[Any], Context, Callable[[], Awaitable[Response]]], Awaitable[Any]]


class Executes(Protocol):
    """What the pipeline needs of `worker.Execution`."""

    def open_http(self, step: Step[..., Any], trigger: HttpTrigger, request: Request[Any]) -> Context:
        """The context of one request."""
        ...

    async def invoke(self, step: Step[..., Any], data: Any, ctx: Context) -> Any:
        """Calls the handler, in a thread where it is a `def`. Raises what it raises."""
        ...

    async def settle_http(self, ctx: Context) -> None:
        """Returns once everything that the handler wrote and read survives a crash. Raises `EngineStopped`."""
        ...

    def close(self, ctx: Context, why: str) -> None:
        """Refuses the context's further writes."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP trigger of one step, worked out once."""

    step: Step[..., Any]
    trigger: HttpTrigger
    middleware: tuple[Middleware, ...]
    #: The trigger's condition; None where it has none.
    wanted: Wanted | None
    #: Bytes that a body may have.
    max_body: int


@dataclass(slots=True, eq=False)
class Exchange:
    """One request on its way through its step."""

    route: Route
    request: Request[Any]
    ctx: Context
    answer: asyncio.Future[RawResponse]
    #: The strong reference that keeps the task alive.
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    #: A task that is cancelled before its first step never runs any of its code.
    started: bool = False
    #: The handler was called: a `def` handler cannot be stopped any more.
    handling: bool = False
    #: Why its client was answered before the step ended.
    over: str | None = None

    def give(self, response: RawResponse) -> None:
        """The first answer counts."""
        if not self.answer.done():
            self.answer.set_result(response)


class Exchanges:
    """All requests that are in their steps."""

    def __init__(self, execution: Executes) -> None:
        """Nothing runs yet."""
        self._execution = execution
        self._running: set[Exchange] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, route: Route, request: Request[Any]) -> RawResponse:
        """The response of a request's step, once it may be sent."""
        ctx = self._execution.open_http(route.step, route.trigger, request)
        response = await self._start(route, request, ctx).answer
        try:
            await self._execution.settle_http(ctx)
        except EngineError as error:
            return render(refusals.of_engine(error) or refusals.unavailable("the engine failed"))
        return response

    async def drained(self) -> None:
        """Returns once no step runs, those that were answered for included."""
        await self._idle.wait()

    def abort(self, why: str) -> None:
        """Answers 503 to all that runs, and cancels it."""
        for exchange in list(self._running):
            self._end(exchange, refusals.unavailable(why), why)

    # ---------------------------------------------------------------- in its task

    async def _pipeline(self, exchange: Exchange) -> None:
        exchange.started = True
        current.set(exchange.ctx)  # middleware and conditions may use the ambient names too
        try:
            exchange.give(render(await self._through(exchange, 0)))
        except (KeyboardInterrupt, GeneratorExit):
            raise
        # A handler that calls sys.exit(), or awaits what somebody else cancelled, fails: it does not end the server.
        except BaseException as error:
            if exchange.over is not None and isinstance(error, asyncio.CancelledError):
                raise
            exchange.give(render(_failed(exchange, error)))
        finally:
            self._finish(exchange)

    async def _through(self, exchange: Exchange, index: int) -> Response:
        """The middleware from `index` on, and what it goes around."""
        if index == len(exchange.route.middleware):
            return await self._call(exchange)
        middleware = exchange.route.middleware[index]
        returned = await middleware(exchange.request, exchange.ctx, lambda: self._through(exchange, index + 1))
        if returned is None:
            name = getattr(middleware, "__qualname__", repr(middleware))
            raise BadResponse(f"has middleware {name} that returned None, not a response, nor that of `await next()`")
        return response_of(returned)

    async def _call(self, exchange: Exchange) -> Response:
        route, request, ctx = exchange.route, exchange.request, exchange.ctx
        try:
            validate(route.trigger, request)
        except Refused as refused:
            return refused.response
        ctx.data = request.model
        if route.wanted is not None and not await route.wanted(request, ctx):
            return refusals.condition_not_met()
        exchange.handling = True
        return response_of(await self._execution.invoke(route.step, request, ctx))

    # ---------------------------------------------------------------- around it

    def _start(self, route: Route, request: Request[Any], ctx: Context) -> Exchange:
        loop = asyncio.get_running_loop()
        exchange = Exchange(route, request, ctx, loop.create_future())
        seconds = route.trigger.request_timeout
        if seconds is not None:
            exchange.timer = loop.call_later(seconds, self._time_out, exchange, seconds)
        self._running.add(exchange)
        self._idle.clear()
        exchange.task = loop.create_task(self._pipeline(exchange))
        return exchange

    def _time_out(self, exchange: Exchange, seconds: float) -> None:
        self._end(exchange, refusals.timed_out(seconds), f"its request timed out after {seconds:g} s")

    def _end(self, exchange: Exchange, response: Response, why: str) -> None:
        """Answers now. An `async def` is cancelled and may write no more; a `def` that runs goes on to its end."""
        exchange.over = why
        exchange.give(render(response))
        if exchange.route.step.kind == "thread" and exchange.handling:
            return
        self._execution.close(exchange.ctx, f'step "{exchange.route.step.name}" may not write any more: {why}')
        if exchange.task is not None:
            exchange.task.cancel()
        if not exchange.started:
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        if exchange.timer is not None:
            exchange.timer.cancel()
        self._running.discard(exchange)
        if not self._running:
            self._idle.set()
        exchange.give(_STOPPING)  # for a task that ended without an answer, by Ctrl-C


_STOPPING = render(refusals.unavailable("the server is stopping"))


def _failed(exchange: Exchange, error: BaseException) -> Response:
    """What the client is told of an error, and what the log is: all of it, under an id that both have."""
    if isinstance(error, Refused):
        return error.response
    write = exchange.ctx.logger.error
    if (response := refusals.of_engine(error)) is not None:
        write("The request was refused", _about(exchange), error=str(error))
        return response
    error_id = secrets.token_hex(8)
    fields = {"error_id": error_id, **_about(exchange)}
    if isinstance(error, BadResponse):
        write(f'Step "{exchange.route.step.name}" {error}', fields)
    else:
        write("The request failed", fields, exc_info=error)
    return refusals.internal_error(error_id)


def _about(exchange: Exchange) -> dict[str, Any]:
    over = {} if exchange.over is None else {"after": exchange.over}
    return {"method": exchange.request.method, "path": exchange.request.path, **over}
