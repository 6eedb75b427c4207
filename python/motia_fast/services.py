"""The parts of a running application, and the order in which they start and stop. Nothing else knows that order.

Start: the port, engine, its reader on the loop, the application's lifespan, worker, schedules, control socket, HTTP.
Stop: schedules end; HTTP and worker take nothing new, and what runs has `grace` seconds. Only then HTTP and the control
socket close, so that whoever asks meanwhile is answered (HTTP with 503), not refused; then the same way back.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motia_fast.access import AsyncAccess, SyncAccess
from motia_fast.clock import SystemClock
from motia_fast.contract import EngineSettings
from motia_fast.control.admin import Admin
from motia_fast.control.server import ControlServer
from motia_fast.engine import open_engine
from motia_fast.errors import EngineClosed, EngineStopped
from motia_fast.observability import metrics
from motia_fast.schedules.ticker import Ticker, schedules_of
from motia_fast.session import Ledger, Session, SyncSession
from motia_fast.sync import announce, withdraw
from motia_fast.web import Application, Listener, Probes, Server, listen
from motia_fast.worker import Execution, Threads, Worker
from motia_fast.worker.inputs import Inputs
from motia_fast.worker.timer import Timer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from motia_fast.clock import Clock
    from motia_fast.contract import Engine, Message, Registered, Subscription
    from motia_fast.settings import Settings
    from motia_fast.steps import Step


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run."""

    app: Any
    name: str
    steps: tuple[Step[..., Any], ...]
    settings: Settings
    lifespan: Callable[..., AbstractAsyncContextManager[Any]] | None = None
    middleware: tuple[Callable[..., Any], ...] = ()
    #: None for the machine's clock. With another one nothing happens by itself: its owner calls `engine.tick`.
    clock: Clock | None = None
    #: Is told each message that handlers and the application enqueue, before it is.
    seen: Callable[[Message], None] | None = None

    def subscriptions(self) -> list[Subscription]:
        """Those of all steps."""
        return [subscription for step in self.steps for subscription in step.subscriptions()]

    def engine_settings(self) -> EngineSettings:
        """What the engine is opened with."""
        s = self.settings
        return EngineSettings(
            data_dir=s.data_dir,
            durability=s.durability,
            lock_wait=s.lock_wait,
            concurrency=s.concurrency,
            min_free_disk=s.min_free_disk,
            parked_for=s.parked_for,
            dead_for=s.dead_for,
            max_crashes=s.max_crashes,
            clock=self.clock or SystemClock(),
        )


class Services:
    """What runs for one App: `open` (engine), `work` (and worker, schedules), `serve` (and control socket, HTTP)."""

    access: AsyncAccess
    blocking: SyncAccess
    session: Session
    execution: Execution
    worker: Worker
    ticker: Ticker
    application: Application
    registered: Registered
    listener: Listener

    def __init__(self, plan: Plan) -> None:
        """Nothing is opened yet."""
        self.plan = plan
        self.opened = False
        #: Set when the engine has stopped for good; `engine.failure` says why.
        self.failed = asyncio.Event()
        self.server: Server | None = None
        self._engine: Engine | None = None
        self._inputs = Inputs(plan.steps)
        self._stack = AsyncExitStack()
        #: What answers others, control socket and HTTP: it starts after the worker, and ends after it too.
        self._doors = AsyncExitStack()

    # ---------------------------------------------------------------- start

    async def open(self) -> None:
        """Opens the engine, declares the subscriptions, and listens to it on this loop."""
        plan = self.plan
        self._engine = await asyncio.to_thread(open_engine, plan.settings.engine, plan.engine_settings())
        self._stack.push_async_callback(asyncio.to_thread, self.engine.close)
        _keep_out_of_git(plan.settings.data_dir)
        self.registered = await asyncio.to_thread(self.engine.register, plan.subscriptions())
        self.access, self.blocking = AsyncAccess(self.engine), SyncAccess(self.engine)
        self.session = Session(self.access, Ledger(), waits=True, check=self.check)
        self.access.listen(self._notice_failure)
        self.access.start()
        self._stack.callback(self.access.stop)
        self._stack.push_async_callback(self._flush)
        self._announce()
        self.opened = True

    async def open_bound(self) -> None:
        """Takes the port and opens: a port that is taken leaves no data directory behind.

        Where this process waits for the data directory, the one that has it may have the port too: then the port is
        taken afterwards. Raises what `open` does, and `PortTaken`, `SettingsError`.
        """
        if self.plan.settings.lock_wait > 0:
            await self.open()
            self._bind()
            return
        self._bind()
        await self.open()
        # Before the engine closes: who waits for the data directory finds the port free.
        self._stack.callback(self.listener.close)

    def _bind(self) -> None:
        self.listener = listen(self.plan.settings.host, self.plan.settings.port)
        self._stack.callback(self.listener.close)

    async def work(self) -> None:
        """Enters the application's lifespan; then runs jobs, and lets time pass."""
        plan = self.plan
        requests = Threads(plan.settings.threads, "motia_fast-request")
        self._stack.callback(requests.stop)
        self.execution = Execution(plan.steps, self.access, self.blocking, check=self.check, request_threads=requests)
        if plan.lifespan is not None:
            self.execution.resources = await self._stack.enter_async_context(_entered(plan.lifespan, plan.app))
        self.worker = Worker(self.access, self.blocking, self.execution, threads=plan.settings.threads)
        self.ticker = Ticker(self.engine, schedules_of(plan.steps))
        self.application = Application(
            plan.steps, self.execution, plan.settings, Probes(self.unready, self.metrics), plan.middleware
        )
        self._stack.push_async_callback(self._doors.aclose)
        self._stack.push_async_callback(self._stop_work)
        self.worker.start()
        self._start_time()

    async def serve(self) -> None:
        """Answers on the control socket, and by HTTP. Raises `ControlError`."""
        if self.plan.settings.data_dir is not None:
            admin = Admin(self.engine, self.plan.steps, check=self.check)
            control = ControlServer(self.plan.settings.data_dir, admin.call)
            self._doors.push_async_callback(control.stop)
            await control.start()
        self.server = Server(self.application, self.listener)
        self._doors.push_async_callback(self.server.close)
        await self.server.start()

    def _start_time(self) -> None:
        if self.plan.clock is not None:
            return
        timers = Timer(self._next_due, self._tick), Timer(self._next_fire, self.fire_schedules)
        for timer in timers:
            timer.start()
            self._stack.callback(timer.stop)
        self.worker.after_turn = timers[0].arm
        self.access.listen(timers[0].arm)

    # ---------------------------------------------------------------- time

    def _tick(self) -> None:
        with suppress(EngineStopped, EngineClosed):  # whoever must know of it is told by the engine's wake-up
            self.engine.tick()

    def _next_due(self) -> float | None:
        return None if self.failure is not None else self.engine.next_due()

    def fire_schedules(self) -> None:
        """Fires the ticks that are due."""
        with suppress(EngineStopped, EngineClosed):
            self.ticker.fire_due(self.engine.settings.clock.now())

    def _next_fire(self) -> float | None:
        return self.ticker.seconds_left(self.engine.settings.clock.now())

    # ---------------------------------------------------------------- what others ask

    @property
    def engine(self) -> Engine:
        """The engine. Raises `EngineClosed` before `open`."""
        if self._engine is None:
            raise EngineClosed("the engine is not opened yet")
        return self._engine

    @property
    def failure(self) -> EngineStopped | None:
        """Why the engine stopped for good, None while it works."""
        return None if self._engine is None else self._engine.failure

    @property
    def url(self) -> str:
        """Where HTTP is served."""
        return self.listener.url

    def check(self, message: Message) -> None:
        """Raises `ValidationFailed` for a message that no step could take."""
        if self.plan.settings.validate_enqueue:
            self._inputs.check(message)
        if self.plan.seen is not None:
            self.plan.seen(message)

    def unready(self) -> str | None:
        """Why the application cannot serve now, None while it can."""
        return None if self.failure is None else f"the engine stopped: {self.failure}"

    async def metrics(self) -> str:
        """The text of ``/metrics``."""
        stats = await self.access.cold(self.engine.stats)
        return metrics.render(stats, await self._loop_lag())

    async def _loop_lag(self) -> float:
        # Asked rather than watched: a timer that watches would keep an idle process awake.
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(0)
        lag, self.worker.lag = max(self.worker.lag, loop.time() - start), 0.0
        return lag

    # ---------------------------------------------------------------- stop

    async def close(self) -> None:
        """Takes nothing new, gives what runs `grace` seconds, releases the rest, syncs, and closes, in this order."""
        await self._stack.aclose()
        self.opened = False

    async def _stop_work(self) -> None:
        # After a failed disk the grace period is over already, and nothing could be settled.
        grace = self.plan.settings.grace if self.failure is None else 0.0
        stops = [self.worker.stop(grace)]
        if self.server is not None:
            stops.append(self.server.drain(grace))
        await asyncio.gather(*stops)

    async def _flush(self) -> None:
        with suppress(EngineStopped, EngineClosed):
            await self.access.durable(self.engine.committed)

    def _notice_failure(self) -> None:
        if self.engine.failure is not None:
            self.failed.set()

    def _announce(self) -> None:
        session = SyncSession(self.blocking, Ledger(), waits=True, check=self.check)
        announce(session)
        self._stack.callback(withdraw, session)


def _keep_out_of_git(data_dir: Path | None) -> None:
    if data_dir is None or (data_dir / ".gitignore").exists():
        return
    with suppress(OSError):  # on a full disk the engine itself says so, and better
        (data_dir / ".gitignore").write_text("*\n", encoding="utf-8")


def _entered(lifespan: Callable[..., AbstractAsyncContextManager[Any]], app: Any) -> AbstractAsyncContextManager[Any]:
    """Calls the lifespan with the App, if it takes an argument."""
    takes = any(p.default is p.empty and p.kind in _POSITIONAL for p in inspect.signature(lifespan).parameters.values())
    return lifespan(app) if takes else lifespan()


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
