"""An `Application` over steps that a test declares, with an execution whose disk the test holds in its hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from motia_fast.context import Context, Run, SyncContext, TriggerInfo, current
from motia_fast.errors import EngineError
from motia_fast.requests import Request
from motia_fast.session import Ledger, Session
from motia_fast.settings import Settings
from motia_fast.steps import Step, step
from motia_fast.triggers import http
from motia_fast.web import Application, Probes, RawRequest, RawResponse
from motia_fast.worker.threads import Threads


class Answer(NamedTuple):
    """A response as a test reads it."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Execution:
    """Calls handlers as the worker's does. `disk` is set while what was committed survives a crash."""

    disk: asyncio.Event = field(default_factory=asyncio.Event)
    #: What the wait for the disk raises instead.
    failure: EngineError | None = None
    opened: list[Context] = field(default_factory=list[Context])
    threads: Threads = field(default_factory=lambda: Threads(4))

    def open_http(self, step: Step[..., Any], trigger: TriggerInfo, request: Request[Any]) -> Context:
        run = Run(step.name, trigger, "trace")
        session = Session(cast("Any", None), Ledger())
        self.opened.append(Context(run, session, input=request))
        return self.opened[-1]

    async def invoke(self, step: Step[..., Any], data: Any, ctx: Context) -> Any:
        if step.kind == "async":
            return await step.call(data, ctx)
        inner = SyncContext(ctx, cast("Any", None))
        current.set(inner)
        return await self.threads.run(lambda: step.call(data, inner))

    async def settle_http(self, ctx: Context) -> None:
        await self.disk.wait()
        if self.failure is not None:
            raise self.failure

    def close(self, ctx: Context, why: str) -> None:
        ctx.session.ledger.closed = why


class Site:
    """What a test asks, and what it turns."""

    def __init__(
        self,
        *steps: Step[..., Any],
        middleware: Sequence[Callable[..., Any]] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.execution = Execution()
        self.execution.disk.set()
        self.unready: str | None = None
        self.application = Application(
            steps,
            self.execution,
            Settings(**(settings or {})),
            Probes(lambda: self.unready, lambda: "jobs 1\n"),
            middleware,
        )

    async def ask(
        self, method: str, target: str, body: bytes | Any = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return answer(await self.application.handle(RawRequest.of(method, target, headers or {}, data)))


def answer(raw: RawResponse) -> Answer:
    return Answer(raw.status, dict(raw.headers), raw.body)


async def until(fact: Callable[[], Any], seconds: float = 10.0) -> None:
    """Polls a fact."""
    async with asyncio.timeout(seconds):
        while not fact():  # noqa: ASYNC110 -- facts of the product have no event
            await asyncio.sleep(0.001)


def returning(value: Any, **options: Any) -> Any:
    @step(http("GET", "/", **options), name="Returning")
    async def handler(request: Request[Any]) -> Any:
        return value

    return handler


def raising(error: BaseException, **options: Any) -> Any:
    @step(http("GET", "/", **options), name="Raising")
    async def handler(request: Request[Any]) -> Any:
        raise error

    return handler
