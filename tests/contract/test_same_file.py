"""One file, every engine: what one of them wrote, any other opens as the writer itself does, after a kill too."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.clock import ManualClock
from tests.contract import lives
from tests.contract.engines import ENGINES, Name
from tests.contract.fixtures import make_format_1
from tests.contract.rig import Rig
from tests.contract.test_format import FIXTURE
from tests.contract.verbs import DEADLINE, drain, ids, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from motia_fast.clock import Micros
    from motia_fast.contract import Engine, Job, JobView, Subscription
    from tests.contract.process import EngineProcess

ALL = 1_000_000
DAY = 86_400.0


def killed(process: EngineProcess) -> None:
    process.kill()


def closed(process: EngineProcess) -> None:
    process.call("close")
    process.kill()


ENDS = [killed, closed]


# ---------------------------------------------------------------- all that an engine shows


def jobs(engine: Engine) -> list[JobView]:
    return sorted((at_last(engine, job) for job in engine.inspect.jobs(limit=ALL)), key=lambda job: job.id)


def at_last(engine: Engine, job: JobView) -> JobView:
    """A job that is due waits in the store while the window is full of such jobs: each engine's window its own way."""
    due = job.state == "scheduled" and job.at is not None and job.at <= engine.settings.clock.now()
    return replace(job, state="ready", at=None) if due else job


def failures(engine: Engine) -> dict[int, Any]:
    found = {job.id: engine.inspect.job(job.id) for job in jobs(engine)}
    return {number: job and job.attempts for number, job in found.items()}


def state(engine: Engine) -> dict[str, Any]:
    return {group: (count, engine.state.items(group)) for group, count in engine.state.groups()}


def counts(engine: Engine) -> list[tuple[Any, ...]]:
    rows = engine.stats().subscriptions
    return sorted((row.subscription, row.ready + row.scheduled, row.running, row.dead, row.orphaned) for row in rows)


VIEWS: dict[str, Callable[[Engine], Any]] = {
    "the jobs": jobs,
    "how each job failed": failures,
    "the dead letters": lambda engine: engine.dead.list(limit=ALL),
    "the state": state,
    "the schedules": lambda engine: engine.schedules.rows(),
    "what their ticks have left": lambda engine: engine.schedules.unfinished("clean/cron"),
    "the parked messages": lambda engine: engine.inspect.parked(limit=ALL),
    "the counts": counts,
    "how many are parked": lambda engine: engine.stats().parked,
}


def assert_same(first: Engine, second: Engine) -> None:
    """Both show the same once they have done all that time has brought, which may come in parts."""

    def rested() -> bool:
        for engine in (first, second):
            engine.tick()
            engine.wait(engine.committed)
        return shown(first) == shown(second)

    give_up = time.monotonic() + DEADLINE
    while not rested():
        if time.monotonic() > give_up:
            for name, view in VIEWS.items():
                assert view(second) == view(first), name
        time.sleep(0.005)


def shown(engine: Engine) -> dict[str, Any]:
    return {name: view(engine) for name, view in VIEWS.items()}


# ---------------------------------------------------------------- two openings of what was left


class Both:
    """Two engines that opened a copy each of the same files, and declared the same."""

    def __init__(self, left: Path, names: Sequence[Name], now: Micros, declared: Sequence[Subscription]) -> None:
        self._rigs = [self._copied(left, name, now) for name in names]
        self.first, self.second = (rig.open(**lives.SETTINGS) for rig in self._rigs)
        registered = [engine.register(declared) for engine in (self.first, self.second)]
        assert registered[0] == registered[1]

    def _copied(self, left: Path, name: Name, now: Micros) -> Rig:
        copy = left.with_name(f"{left.name}-{name}")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(left, copy, ignore=shutil.ignore_patterns("*-shm"))
        rig = Rig(name, copy)
        rig.clock = ManualClock(now)
        return rig

    def advance(self, seconds: float) -> None:
        for rig in self._rigs:
            rig.clock.advance(seconds)

    def end(self) -> None:
        for rig in self._rigs:
            rig.end()


def in_lanes(claimed: Sequence[Job]) -> dict[Any, list[Any]]:
    """The jobs of each lane, in the order in which they came; suspects come when no other one runs."""
    lanes: dict[Any, list[Any]] = {}
    for job in claimed:
        seen = (job.id, job.message_id, job.attempt, job.crashes, job.enqueued, job.last_error, job.meta, job.payload)
        lanes.setdefault((job.subscription, job.priority, job.crashes > 0), []).append(seen)
    return lanes


def run_all(engine: Engine) -> dict[Any, list[Any]]:
    """Runs whatever can run now."""
    claimed: list[Job] = []
    threads = [job for job in waiting(engine) if job.subscription == "guilty/guilty"]
    for kind, count in [("thread", len(threads)), ("async", len(waiting(engine)) - len(threads))]:
        claimed += drain(engine, count, kind=kind)  # type: ignore[arg-type] # it is one of the two
    assert waiting(engine) == []
    return in_lanes(claimed)


def waiting(engine: Engine) -> list[JobView]:
    return [job for job in jobs(engine) if job.state == "ready" and not job.orphaned]


def assert_same_life(
    left: Path, names: Sequence[Name], now: Micros, declared: Sequence[Subscription] = lives.DECLARED
) -> list[JobView]:
    """Two engines show the same, run the same jobs, and see the same end; returns the jobs at the opening."""
    both = Both(left, names, now, declared)
    try:
        assert (both.first.boot, both.first.committed) == (both.second.boot, both.second.committed)
        assert_same(both.first, both.second)
        found = jobs(both.first)
        for passed in (0.0, 90.0, DAY, 60 * DAY):
            both.advance(passed)
            assert_same(both.first, both.second)
            assert run_all(both.first) == run_all(both.second)
        assert_same(both.first, both.second)
        seen = max(ids(found), default=0)
        assert put(both.first) > seen
        assert put(both.second) > seen
    finally:
        both.end()
    return found


# ---------------------------------------------------------------- tests


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """The directory that engines write one after the other."""
    return tmp_path / "data"


class Writers:
    """Processes that live on one directory, one after the other. `now` is the time at the end of the last."""

    def __init__(self, path: Path) -> None:
        self.now = ManualClock().now()
        self._path = path
        self._rigs: list[Rig] = []

    def start(self, name: Name) -> EngineProcess:
        rig = Rig(name, self._path)
        rig.clock = ManualClock(self.now)
        self._rigs.append(rig)
        return rig.start(*lives.SUBSCRIPTIONS, **lives.SETTINGS)

    def live(self, name: Name, life: Callable[..., None], end: Callable[[EngineProcess], None] = killed) -> None:
        process = self.start(name)
        self.now = process.call("live", life)
        end(process)

    def end(self) -> None:
        for rig in self._rigs:
            rig.end()


@pytest.fixture
def writers(left: Path) -> Iterator[Writers]:
    writers = Writers(left)
    yield writers
    writers.end()


#: Each engine as the writer, beside each other one.
PAIRS = [(writer, reader) for writer in ENGINES for reader in ENGINES if writer != reader]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_any_engine_shows_what_another_wrote_as_the_writer_does(
    left: Path, writers: Writers, writer: Name, reader: Name, end: Callable[[EngineProcess], None]
) -> None:
    writers.live(writer, lives.guilty)
    writers.live(writer, lives.guilty)
    writers.live(writer, lives.everything, end)
    found = assert_same_life(left, (writer, reader), writers.now)
    assert {job.state for job in found} == {"ready", "scheduled", "dead"}
    assert {job.crashes for job in found} == ({0, 1, 2} if end is killed else {0, 2})
    assert {job.orphaned for job in found} == {True, False}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_engines_may_take_turns_on_a_file(left: Path, writers: Writers, first: Name, second: Name) -> None:
    turns: Iterator[Name] = cycle([first, second])
    seen: set[int] = set()
    for life, end in [
        (lives.guilty, killed),
        (lives.guilty, killed),
        (lives.everything, killed),
        (lives.after_a_crash, killed),
        (lives.after_a_crash, closed),
        (lives.after_a_crash, killed),
    ]:
        writers.live(next(turns), life, end)
        found = set(ids(assert_same_life(left, (first, second), writers.now)))
        assert all(job > max(seen, default=0) for job in found - seen), "an id was given twice"
        seen |= found


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_a_writer_killed_amid_a_stream_of_commits_leaves_the_same_to_all(
    left: Path, writers: Writers, writer: Name, reader: Name
) -> None:
    turns: list[tuple[Name, int]] = [(writer, 50), (reader, 200), (writer, 400)]
    for name, rounds in turns:
        process = writers.start(name)
        process.send("stream")
        for _ in range(rounds):
            process.receive()
        process.kill()
        assert assert_same_life(left, (writer, reader), writers.now)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_engines_show_the_same_of_a_file_of_format_1(left: Path, first: Name, second: Name) -> None:
    left.mkdir()
    shutil.copy(FIXTURE, left / "engine.db")
    hour_later = ManualClock().now() + 7_000_000_000
    assert assert_same_life(left, (first, second), hour_later, make_format_1.SUBSCRIPTIONS[:2])
