"""App: steps and settings, and what a program calls while they run."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from motia_fast.app import registry
from motia_fast.app.administration import Dead, SyncApp
from motia_fast.context import Context, current, new_trace_id
from motia_fast.discovery import check, discover, steps_of
from motia_fast.errors import DeclarationError, Mistake, MotiaError, NotRunning
from motia_fast.messages import message_of, message_to, meta_of
from motia_fast.services import Plan, Services
from motia_fast.settings import Settings, resolve
from motia_fast.state_store import StateManager
from motia_fast.steps import Step
from motia_fast.steps import step as declare

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from motia_fast.clock import Clock
    from motia_fast.contract import Message, Receipt, Stats, Subscription
    from motia_fast.messages import Options
    from motia_fast.session import Session
    from motia_fast.steps import TriggerLike
    from motia_fast.triggers import NoOther, Seconds

P = ParamSpec("P")
R = TypeVar("R")

#: The data directory beside the application.
DATA_DIR = ".motia_fast"


class App:
    """Steps, settings and a life: `async with app` (the engine), `app.running()` (worker), `app.run()` (HTTP too)."""

    def __init__(
        self,
        name: str = "app",
        *,
        lifespan: Callable[..., AbstractAsyncContextManager[Any]] | None = None,
        middleware: Sequence[Callable[..., Any]] = (),
        home: Path | str | None = None,
        **settings: Any,
    ) -> None:
        """`settings` are those of `motia_fast.settings.Settings`; they are checked when the application starts.

        `lifespan` is an async context manager, called with the App if it takes an argument; what it yields is
        `ctx.resources`. `middleware` is around every HTTP step, outermost first. `home` is the folder beside which the
        data directory is by default: the folder of the file that calls `App`.
        """
        file, module = _caller()
        self.name = name
        self.lifespan = lifespan
        self.middleware = tuple(middleware)
        self.home = Path(home) if home is not None else _folder(file)
        self._given = settings
        self._steps: list[Step[..., Any]] = []
        self._mistakes: list[Mistake] = []
        self.services: Services | None = None
        #: Groups of JSON values by key; writes return when they survive a crash.
        self.state = StateManager(self._session)
        #: Dead letters.
        self.dead = Dead(self._running)
        #: The same, blocking, for threads and scripts.
        self.sync = SyncApp(self._running)
        registry.add(self, file, module)

    # ---------------------------------------------------------------- declaration

    def step(
        self,
        *triggers: TriggerLike,
        name: str | None = None,
        description: str = "",
        enqueues: Sequence[Any] = (),
        virtual_enqueues: Sequence[Any] = (),
        flows: Sequence[str] = (),
        was: str | Sequence[str] | None = None,
        **unknown: Unpack[NoOther],
    ) -> Callable[[Callable[P, R]], Step[P, R]]:
        """Declares a step of this application; it calls through to its function. See `motia_fast.step`."""
        make = declare(
            *triggers,
            name=name,
            description=description,
            enqueues=enqueues,
            virtual_enqueues=virtual_enqueues,
            flows=flows,
            was=was,
            **unknown,
        )
        if isinstance(make, Step):  # `@app.step` without parentheses: a mistake that is told with all others
            self.add(make)
            return make

        def decorate(function: Callable[P, R]) -> Step[P, R]:
            made = make(function)
            self.add(made)
            return made

        return decorate

    def add(self, *things: Step[..., Any] | ModuleType) -> None:
        """Adds steps, or all steps of modules; the same step twice is one step."""
        for thing in things:
            for step in steps_of(thing) if isinstance(thing, ModuleType) else [thing]:
                self._add(step)

    def discover(self, folder: Path | str) -> None:
        """Adds the steps of all ``*_step.py`` and ``*.step.py`` below a folder; a relative one is beside the App.

        A file that cannot be imported is a mistake, told with all others when the application starts.
        """
        steps, mistakes = discover(self.home / folder)
        self._mistakes += mistakes
        self.add(*steps)

    @property
    def steps(self) -> tuple[Step[..., Any], ...]:
        """The declared steps, in order."""
        return tuple(self._steps)

    def declaration_mistakes(self) -> list[Mistake]:
        """All mistakes in the declaration, as `run` would tell them."""
        return [*registry.mistakes(self), *self._mistakes, *check(self._steps)]

    def settings(self, given: Mapping[str, Any] | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
        """The settings as they are in force: `flags` over the environment over `given` over the App's own.

        `data_dir` is filled in. Raises `SettingsError`.
        """
        settings = resolve({**self._given, **(given or {})}, flags)
        if settings.data_dir is not None:
            return settings
        return settings.model_copy(update={"data_dir": self.home / DATA_DIR})

    def _add(self, step: Step[..., Any]) -> None:
        if step not in self._steps:
            self._steps.append(step)
            step.app = self

    # ---------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        """Opens the engine alone: nothing runs, but everything can be enqueued, read and written."""
        services = self.prepare(self.settings())
        try:
            await services.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes it, once all is on the disk."""
        await self.close()

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncGenerator[Self]:
        """Opens the engine, and runs jobs and schedules until the block ends; no HTTP."""
        services = self.prepare(self.settings(settings))
        try:
            await services.open()
            await services.work()
            yield self
        finally:
            await self.close()

    def prepare(
        self, settings: Settings, *, clock: Clock | None = None, seen: Callable[[Message], None] | None = None
    ) -> Services:
        """Checks the declaration, and makes what will run. Nothing is opened or started.

        For `clock` and `seen`, see `Plan`. Raises `DeclarationError` with all mistakes, and `MotiaError` if the App
        runs already.
        """
        if self.services is not None:
            raise MotiaError(f'app "{self.name}" runs already in this process; stop it first, or make a second App')
        mistakes = self.declaration_mistakes()
        if mistakes:
            raise DeclarationError(mistakes)
        self.services = Services(
            Plan(self, self.name, self.steps, settings, self.lifespan, self.middleware, clock=clock, seen=seen)
        )
        return self.services

    async def close(self) -> None:
        """Stops what runs, in order; see `Services.close`."""
        services, self.services = self.services, None
        if services is not None:
            await services.close()

    def run(self, *, flags: Mapping[str, Any] | None = None, reload: bool = False, **settings: Any) -> None:
        """The same as `motia_fast.run(app, ..)`."""
        from motia_fast.app.launch import run  # noqa: PLC0415 -- `launch` needs this module

        run(self, flags=flags, reload=reload, **settings)

    # ---------------------------------------------------------------- use

    async def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
        """Enqueues `data` to `topic`, and returns when that survives a crash; within a handler, as `ctx.enqueue`.

        Raises as `Context.enqueue`, and `NotRunning`.
        """
        ctx = self._context()
        if ctx is not None:
            return await ctx.enqueue(topic, data, **options)
        made = await self._session().enqueue([message_of(topic, data, options, meta_of(new_trace_id()))])
        return made.receipts[0]

    async def enqueue_to(
        self,
        subscription: Subscription,
        data: object,
        *,
        delay: Seconds | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
    ) -> Receipt:
        """Enqueues to one subscription alone, as ``step.enqueue(..)`` does. Raises as `enqueue`."""
        options: Options = {"delay": delay, "run_at": run_at, "priority": priority}
        ctx = self._context()
        if ctx is not None:
            return await ctx.enqueue_to(subscription.id, subscription.topic, data, options)
        meta = meta_of(new_trace_id())
        made = await self._session().enqueue([message_to(subscription.id, subscription.topic, data, options, meta)])
        return made.receipts[0]

    async def stats(self) -> Stats:
        """Counters and gauges of the engine."""
        services = self._running()
        return await services.access.cold(services.engine.stats)

    def _running(self) -> Services:
        if self.services is None or not self.services.opened:
            raise NotRunning(
                f'app "{self.name}" is not running; use it inside `async with app:` or `async with app.running():`, '
                "or in a handler of `app.run()`"
            )
        return self.services

    def _session(self) -> Session:
        services = self._running()
        ctx = self._context()
        return services.session if ctx is None else ctx.session

    def _context(self) -> Context | None:
        """The handler of this application that runs here, if one does."""
        ctx = current.get(None)
        ours = isinstance(ctx, Context) and self.services is not None and ctx.session.engine is self.services.engine
        return ctx if ours and isinstance(ctx, Context) else None


def _caller() -> tuple[str | None, str]:
    """The file and the name of the module that calls `App`."""
    here = inspect.currentframe()
    caller = here and here.f_back and here.f_back.f_back
    names = caller.f_globals if caller else {}
    return names.get("__file__"), names.get("__name__", "")


def _folder(file: str | None) -> Path:
    return Path.cwd() if file is None else Path(file).resolve().parent
