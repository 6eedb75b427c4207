"""`engine` is each engine in turn; `measure` times and notes; `home` is on the disk; `runner` is a loop of uvloop."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from benches.measuring import Measure, Name, Turn, turns
from motia_fast.contract import EngineSettings
from motia_fast.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("benches")
    group.addoption("--turns", type=int, default=5, help="How often each bench measures each engine.")
    group.addoption("--smoke", action="store_true", help="Small sizes and one turn: that every bench runs.")
    group.addoption("--backlog", type=int, help="Waiting jobs of the backlog's bench, which needs minutes.")


@pytest.hookimpl(trylast=True)  # the innermost parameter: the turns of one case follow each other
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "turn" in metafunc.fixturenames:
        count = 1 if metafunc.config.getoption("smoke") else int(metafunc.config.getoption("turns") or 1)
        metafunc.parametrize("turn", turns(count), ids=lambda turn: f"{turn.engine}-{turn.number}")


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    """What is published says what machine it was, not whose."""
    machine_info.pop("node", None)


@pytest.fixture
def engine(turn: Turn) -> Name:
    """The name of the engine whose turn it is; it is the one that opens under that name."""
    with closing(open_engine(turn.engine, EngineSettings(durability="memory"))) as opened:
        assert opened.name == turn.engine
    return turn.engine


@pytest.fixture
def measure(benchmark: BenchmarkFixture, turn: Turn, request: pytest.FixtureRequest) -> Measure:
    group = request.path.stem.removeprefix("test_")
    return Measure(benchmark, group, turn, smoke=bool(request.config.getoption("smoke")))


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty folder on the disk: /tmp may be memory, /var/tmp is not. It is gone afterwards, however large."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="motia_fast-bench-") as folder:
        yield Path(folder)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Runs coroutines on one loop; between them nothing runs on it."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner
