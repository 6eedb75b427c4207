"""What happens to a request, without sockets: routing, reading and decoding, and then its step.

What is refused before a step runs has changed nothing.
"""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motia_fast.context import TriggerInfo
from motia_fast.requests import Request
from motia_fast.responses import Response
from motia_fast.triggers import HttpTrigger
from motia_fast.web import body, refusals
from motia_fast.web.deadlines import Patience
from motia_fast.web.exchange import Exchanges, Route
from motia_fast.web.refusals import Refused
from motia_fast.web.rendering import render
from motia_fast.web.router import Match, OtherMethods, Router
from motia_fast.web.wanted import wanted
from motia_fast.web.wire import RawResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from motia_fast.settings import Settings
    from motia_fast.steps import Step
    from motia_fast.web.exchange import Executes, Middleware
    from motia_fast.web.wire import RawRequest, Send


@dataclass(frozen=True, slots=True)
class Probes:
    """What the built-in routes tell."""

    #: Why the application cannot serve now, None while it can. Asked for each request; told by ``/readyz``.
    ready: Callable[[], str | None]
    #: The text of ``/metrics``, in Prometheus' format.
    metrics: Callable[[], str | Awaitable[str]]


class Application:
    """All HTTP triggers of an application as one function from request to response."""

    def __init__(
        self,
        steps: Iterable[Step[..., Any]],
        execution: Executes,
        settings: Settings,
        probes: Probes,
        middleware: Sequence[Middleware] = (),
    ) -> None:
        """`middleware` goes around that of each trigger. Belongs to the loop that is running."""
        routes = [_route(step, trigger, settings, middleware) for step in steps for trigger in _http(step)]
        self._router = Router((r.trigger.method, r.trigger.path, r) for r in routes)
        self._exchanges = Exchanges(execution)
        self._probes = probes
        self._refusing: str | None = None
        self._own = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}

    async def handle(self, raw: RawRequest) -> RawResponse:
        """The response to one request, without a socket. Whoever stops waiting for it does not stop the request."""
        answer: asyncio.Future[RawResponse] = asyncio.get_running_loop().create_future()

        def send(status: int, headers: list[tuple[str, str]], data: bytes) -> None:
            if not answer.done():
                answer.set_result(RawResponse(status, headers, data))

        task = asyncio.create_task(self.respond(raw, send))
        either: set[asyncio.Future[Any]] = {task, answer}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            task.result()  # which is its exception
        return answer.result()

    async def respond(self, raw: RawRequest, send: Send) -> None:
        """Answers one request: calls `send` once, with a `RawResponse`'s three parts.

        Belongs in a task of the request's own, which ends with its step. Raises nothing that a request, a handler or
        the engine could cause.
        """
        if raw.method == "HEAD":
            send = _with_length(send)
        try:
            if (own := self._own.get(raw.path)) is not None:
                response = await own() if raw.method in {"GET", "HEAD"} else _unmatched(raw, _OWN_METHODS)
            else:
                found = self._router.find(raw.method, raw.path)
                if isinstance(found, Match):
                    await self._serve(raw, found.route, found.params, send)
                    return
                response = _unmatched(raw, found)
        except Refused as refused:
            response = refused.response
        send(*render(response))

    async def _serve(self, raw: RawRequest, route: Route, params: dict[str, str], send: Send) -> None:
        self._check_ready()
        data = await body.read(raw, route.max_body, route.patience)
        self._check_ready()  # it may have taken a while
        request: Request[Any] = Request(
            raw.method,
            raw.path,
            path_params=params,
            query_string=raw.query_string,
            headers=raw.headers,
            body=body.parse(data, raw.headers, json_only=route.trigger.body_schema is not None),
            raw=data,
            client=raw.client,
        )
        await self._exchanges.run(route, request, send)

    def _check_ready(self) -> None:
        if self._unready() is not None:  # why is for operators, and may name paths of the machine
            raise Refused(refusals.unavailable(self._refusing or "not ready; see /readyz"))

    def _unready(self) -> str | None:
        return self._refusing or self._probes.ready()

    # ---------------------------------------------------------------- stopping

    @property
    def running(self) -> int:
        """Requests whose step has not ended, those that were answered before its end included."""
        return len(self._exchanges)

    def refuse(self, why: str = "the server is stopping") -> None:
        """Answers 503 to what comes from now on; what runs goes on."""
        self._refusing = why

    async def drained(self) -> None:
        """Returns once no step runs."""
        await self._exchanges.drained()

    def abort(self, why: str = "the server is stopping") -> None:
        """Answers 503 to what still runs, and cancels it."""
        self._exchanges.abort(why)

    # ---------------------------------------------------------------- built-in routes

    async def _healthz(self) -> Response:
        return Response(200, {"status": "ok"})

    async def _readyz(self) -> Response:
        why = self._unready()
        return Response(200, {"status": "ready"}) if why is None else refusals.unavailable(why)

    async def _metrics(self) -> Response:
        text = self._probes.metrics()
        content_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(200, await text if inspect.isawaitable(text) else text, {"content-type": content_type})


def _with_length(send: Send) -> Send:
    """For HEAD: the length of the body, without the body."""
    return lambda status, headers, data: send(status, [*headers, ("content-length", str(len(data)))], b"")


_OWN_METHODS = OtherMethods(("GET", "HEAD", "OPTIONS"))


def _unmatched(raw: RawRequest, found: OtherMethods | None) -> Response:
    if found is None:
        return refusals.not_found(raw.path)
    if raw.method == "OPTIONS":
        return Response(204, headers={"allow": ", ".join(found.allow)})
    return refusals.method_not_allowed(raw.method, raw.path, found.allow)


def _http(step: Step[..., Any]) -> list[HttpTrigger]:
    return [trigger for trigger in step.triggers if isinstance(trigger, HttpTrigger)]


def _route(step: Step[..., Any], trigger: HttpTrigger, settings: Settings, middleware: Sequence[Middleware]) -> Route:
    max_body = settings.max_body if trigger.max_body is None else trigger.max_body
    return Route(
        step,
        trigger,
        TriggerInfo("http", step.index_of(trigger), method=trigger.method, path=trigger.path),
        (*middleware, *trigger.middleware),
        wanted(step, trigger),
        max_body,
        Patience(trigger.request_timeout),
    )
