"""Harness: an application in a test."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack
from urllib.parse import urlencode

from motia_fast.clock import SECOND, ManualClock, micros
from motia_fast.contract import JobFilter
from motia_fast.encoding import decode, encode
from motia_fast.errors import MotiaError
from motia_fast.testing.answer import Answer
from motia_fast.web import RawRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from types import TracebackType

    from motia_fast.app import App
    from motia_fast.contract import JobState, JobView, Lease, Message, Receipt
    from motia_fast.engine import Name
    from motia_fast.messages import Options
    from motia_fast.services import Services
    from motia_fast.settings import Settings

#: Real seconds that handlers have to finish before `drain` gives up.
PATIENCE = 10.0
#: More jobs than a test looks at.
EVERYTHING = 1_000_000


class Harness:
    """An App that runs for a test: ``async with Harness(app) as t``.

    The engine is the real one, in memory or on a directory. The clock is `t.clock`; retries, delays, timeouts and
    schedules follow it alone. What happens is the same each time as long as a step has up to 65,536 jobs that wait:
    later ones are read from the directory by a thread, in real time.
    """

    def __init__(
        self,
        app: App,
        *,
        data_dir: Path | str | None = None,
        engine: Name | None = None,
        now: datetime | None = None,
        clock: ManualClock | None = None,
        **settings: Any,
    ) -> None:
        """Without `data_dir` nothing is kept; with it, everything outlives the block, and `restart`.

        `engine` is "rust", "pure" or "auto", by default what the App says. `now` is when the test begins, by default
        2023-11-14 22:13:20 UTC; `clock` is one that goes on where it is, such as that of an earlier Harness. The other
        settings are those of `App.run`, and go before the App's own.
        """
        if now is not None and clock is not None:
            raise ValueError("Harness(now=.., clock=..): a clock has its own time; give one of the two")
        self.app = app
        self.clock = _clock_at(now) if clock is None else clock
        self._data_dir = None if data_dir is None else Path(data_dir)
        self._settings = {"engine": engine, **settings}
        self._sent: list[Message] = []
        self._services: Services

    async def __aenter__(self) -> Self:
        """Starts the App: engine, lifespan, worker, schedules. Raises `DeclarationError`."""
        self._services = self.app.prepare(self._in_force(), clock=self.clock, seen=self._sent.append)
        try:
            await self._services.open()
            await self._services.work()
            self._services.fire_schedules()
        except BaseException:
            await self.app.close()
            raise
        return self

    def _in_force(self) -> Settings:
        # The directory of a test has to outlive a process, not a power cut.
        keeps = {"durability": "memory"} if self._data_dir is None else {"data_dir": self._data_dir, "durability": "os"}
        settings = self.app.settings(flags={"grace": 0.0, **keeps, **self._settings})
        return settings if self._data_dir is not None else settings.model_copy(update={"data_dir": None})

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops it; what still runs is cancelled."""
        await self.app.close()

    async def restart(self) -> None:
        """Stops the App and starts it again on its directory, at the same time of day; what still ran runs again.

        Raises `MotiaError` for a Harness without `data_dir`, which would forget everything.
        """
        if self._data_dir is None:
            raise MotiaError("a Harness in memory has nothing to start again with; give it a directory: data_dir=..")
        await self.app.close()
        await self.__aenter__()

    # ---------------------------------------------------------------- requests

    async def get(
        self, path: str, *, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to a GET request."""
        return await self.request("GET", path, params=params, headers=headers)

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """The answer to a POST request, with `json` or the bytes `content` as its body."""
        return await self.request("POST", path, json=json, params=params, headers=headers, content=content)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """The answer to any request. It takes the whole way of a real one but for the socket."""
        target = f"{path}?{urlencode(params, doseq=True)}" if params else path
        typed = {} if json is None else {"content-type": "application/json"}
        body = content if content is not None else b"" if json is None else encode(json)
        raw = RawRequest.of(method, target, {**typed, **(headers or {})}, body)
        return Answer.of(await self._services.application.handle(raw))

    # ---------------------------------------------------------------- jobs and time

    async def enqueue(self, topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
        """As `App.enqueue`. Nothing runs before the test waits, by `drain` at the latest."""
        return await self.app.enqueue(topic, data, **options)

    async def drain(self) -> None:
        """Runs jobs until nothing is ready or running. The clock stands still: what is scheduled stays so.

        Raises `TimeoutError`, naming the steps, when handlers do not end within 10 real seconds.
        """
        await self._run(PATIENCE, set())
        running = [f'"{run.job.subscription}" (job {run.job.id})' for run in self._services.worker.runs()]
        if running:
            raise TimeoutError(
                f"{', '.join(running)} did not end in {PATIENCE:g} real seconds; if that is meant, so as to test a "
                "timeout, let time pass instead: await t.advance(..)"
            )

    async def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0, wait: float = 1.0
    ) -> None:
        """Lets time pass: what falls due on the way happens at its time, in order, and what it starts runs.

        Handlers that run have `wait` real seconds to finish before the clock moves on; those that do not live through
        the jump, and may time out.
        """
        left = micros(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())
        stuck: set[tuple[Lease, bool]] = set()
        await self._run(wait, stuck)
        while (due := self._due()) is not None and due <= left:
            left -= due
            await self._move(due, wait, stuck)
        await self._move(left, wait, stuck)

    def _due(self) -> int | None:
        """Microseconds until the next thing that time does, at least 1."""
        services = self._services
        times = (services.engine.next_due(), services.ticker.seconds_left(self.clock.now()))
        return min((max(1, micros(due)) for due in times if due is not None), default=None)

    async def _move(self, by: int, wait: float, stuck: set[tuple[Lease, bool]]) -> None:
        self.clock.advance(by / SECOND)
        self._services.engine.tick()
        self._services.fire_schedules()
        await self._run(wait, stuck)

    async def _run(self, wait: float, stuck: set[tuple[Lease, bool]]) -> None:
        """Runs what is ready; handlers in `stuck` are not waited for, and those that take too long join it."""
        services = self._services
        engine, worker = services.engine, services.worker
        while True:
            before = engine.committed
            await services.access.durable(before)
            # All that was committed can be claimed now, so a turn that leads to no other commit had nothing to do.
            worker.wake()
            if not await worker.until(lambda: worker.settled and _keys(services) <= stuck, wait):
                stuck.update(_keys(services))
            elif engine.committed == before:
                return

    # ---------------------------------------------------------------- what became of it

    async def state(self, group: str, key: str | None = None) -> Any:
        """The value of a key, None if it is not there; without a key, the group as a dict."""
        if key is not None:
            return await self.app.state.get(group, key)
        return dict(await self.app.state.items(group))

    async def jobs(self, step: str | None = None, *, state: JobState | None = None) -> list[JobView]:
        """The jobs that are not finished, in the order in which they were made: all, or of one step, or in one state.

        States are "ready", "scheduled", "running" and "dead".
        """
        services = self._services
        which = JobFilter(step=step, state=state)
        return await services.access.cold(lambda: services.engine.inspect.jobs(which, EVERYTHING))

    async def dead(self, step: str | None = None) -> list[JobView]:
        """The dead letters, of one step or of all, each with its attempts."""
        return await self.app.dead.list(step=step, limit=EVERYTHING)

    def sent(self, topic: str) -> list[Any]:
        """The data of all that was enqueued to a topic, by the test and by handlers, in order.

        What a `dead_letter_topic` forwards is not among it: the engine makes that by itself.
        """
        return [decode(message.payload) for message in self._sent if message.topic == topic]


def _clock_at(now: datetime | None) -> ManualClock:
    return ManualClock() if now is None else ManualClock(micros(now.timestamp()))


def _keys(services: Services) -> set[tuple[Lease, bool]]:
    """What runs; a handler that was told to end is another thing to wait for than before."""
    return {(running.job.lease, running.verdict is not None) for running in services.worker.runs()}
