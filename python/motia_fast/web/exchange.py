"""One request in its step: middleware, outermost first, around validation, condition and handler.

All of it runs in the task that the request came in, which then waits until what the handler saw and wrote survives a
crash, and sends the response. Whoever has to be answered before the step ends, because it takes too long or is in the
way of a stop, is answered by a second task, so that it does not matter what the step does about its cancellation.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from motia_fast.context import current
from motia_fast.errors import EngineError
from motia_fast.responses import BadResponse, Response, response_of
from motia_fast.web import refusals
from motia_fast.web.deadlines import Deadlines
from motia_fast.web.refusals import Refused
from motia_fast.web.rendering import render
from motia_fast.web.validation import validate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from motia_fast.context import Context, TriggerInfo
    from motia_fast.requests import Request
    from motia_fast.steps import Step
    from motia_fast.triggers import HttpTrigger
    from motia_fast.web.deadlines import Patience
    from motia_fast.web.wanted import Wanted
    from motia_fast.web.wire import RawResponse, Send

    Middleware = Callable[[Request[Any], Context, Callable[[], Awaitable[Response]]], Awaitable[Any]]


class Executes(Protocol):
    """What the pipeline needs of `worker.Execution`."""

    def open_http(self, step: Step[..., Any], trigger: TriggerInfo, request: Request[Any]) -> Context:
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
    #: The same for the context.
    info: TriggerInfo
    middleware: tuple[Middleware, ...]
    #: The trigger's condition; None where it has none.
    wanted: Wanted | None
    #: Bytes that a body may have, and how long it may take to arrive.
    max_body: int
    patience: Patience


@dataclass(slots=True, eq=False)
class Exchange:
    """One request on its way through its step."""

    route: Route
    request: Request[Any]
    ctx: Context
    send: Send
    task: asyncio.Task[Any] | None
    #: The handler was called: a `def` handler cannot be stopped any more.
    handling: bool = False
    #: Why its client is answered before the step ends, and the task that does it.
    over: str | None = None
    answering: asyncio.Task[None] | None = None


class Exchanges:
    """All requests that are in their steps."""

    def __init__(self, execution: Executes) -> None:
        """Nothing runs yet."""
        self._execution = execution
        self._running: set[Exchange] = set()
        self._deadlines: dict[float, Deadlines[Exchange]] = {}
        self._idle = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, route: Route, request: Request[Any], send: Send) -> None:
        """Sends the response of a request's step, once it may be sent. Belongs in a task of the request's own."""
        ctx = self._execution.open_http(route.step, route.info, request)
        exchange = Exchange(route, request, ctx, send, asyncio.current_task())
        self._begin(exchange)
        try:
            response = await self._respond(exchange)
        finally:
            self._finish(exchange)
        if exchange.answering is None:
            await self._answer(exchange, response)
        else:
            await exchange.answering

    async def drained(self) -> None:
        """Returns once no step runs, those that were answered for included."""
        while self._running:
            self._idle.clear()
            await self._idle.wait()

    def abort(self, why: str) -> None:
        """Answers 503 to all that runs, and cancels it."""
        for exchange in list(self._running):
            self._end(exchange, refusals.unavailable(why), why)

    # ---------------------------------------------------------------- the step

    async def _respond(self, exchange: Exchange) -> RawResponse:
        current.set(exchange.ctx)  # middleware and conditions may use the ambient names too
        try:
            return render(await (self._through(exchange, 0) if exchange.route.middleware else self._call(exchange)))
        except (KeyboardInterrupt, GeneratorExit):
            if exchange.answering is None:
                exchange.send(*_STOPPING)
            raise
        # A handler that calls sys.exit(), or awaits what somebody else cancelled, fails: it does not end the server.
        except BaseException as error:  # noqa: BLE001 -- see above
            if exchange.over is not None and isinstance(error, asyncio.CancelledError):
                return _STOPPING  # to nobody
            return render(_failed(exchange, error))

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

    def _begin(self, exchange: Exchange) -> None:
        self._running.add(exchange)
        seconds = exchange.route.trigger.request_timeout
        if seconds is not None:
            self._due_in(seconds).add(exchange)

    def _due_in(self, seconds: float) -> Deadlines[Exchange]:
        found = self._deadlines.get(seconds)
        if found is None:
            found = self._deadlines[seconds] = Deadlines(seconds, partial(self._time_out, seconds))
        return found

    def _finish(self, exchange: Exchange) -> None:
        seconds = exchange.route.trigger.request_timeout
        if seconds is not None:
            self._due_in(seconds).discard(exchange)
        self._running.discard(exchange)
        if not self._running:
            self._idle.set()

    async def _answer(self, exchange: Exchange, response: RawResponse) -> None:
        try:
            await self._execution.settle_http(exchange.ctx)
        except EngineError as error:
            response = render(refusals.of_engine(error) or refusals.unavailable("the engine failed"))
        exchange.send(*response)

    def _time_out(self, seconds: float, exchange: Exchange) -> None:
        self._end(exchange, refusals.timed_out(seconds), f"its request timed out after {seconds:g} s")

    def _end(self, exchange: Exchange, response: Response, why: str) -> None:
        """Answers now. An `async def` is cancelled and may write no more; a `def` that runs goes on to its end."""
        exchange.over = why
        if exchange.answering is None:
            answering = self._answer(exchange, render(response))
            exchange.answering = asyncio.get_running_loop().create_task(answering)
        if exchange.route.step.kind == "thread" and exchange.handling:
            return
        self._execution.close(exchange.ctx, f'step "{exchange.route.step.name}" may not write any more: {why}')
        if exchange.task is not None:
            exchange.task.cancel()


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
