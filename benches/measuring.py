"""How a bench measures: it runs one thing once, and says in figures what came of it.

Medians come from turns, not from pytest-benchmark's rounds: the engines take turns (rust, pure, rust, pure ..), so that
both meet the same moods of the machine, and a ratio is that of one turn.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

T = TypeVar("T")

Name = Literal["rust", "pure"]
Unit = Literal["1/s", "ms", "MiB", "in 10 s"]

#: What `open_engine` takes on this machine, the faster one first.
ENGINES: list[Name] = ["rust", "pure"] if find_spec("motia_fast._core") else ["pure"]


class Turn(NamedTuple):
    """One measurement of one engine; `number` counts from 1."""

    number: int
    engine: Name


def turns(count: int) -> list[Turn]:
    """`count` turns of each engine, in the order in which they are taken."""
    return [Turn(number, engine) for number in range(1, count + 1) for engine in ENGINES]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a bench. Of rates ("1/s") more is better, of all other units less."""

    title: str
    value: float
    unit: Unit
    #: Whether it is in the README and the chart.
    headline: bool


class Measure:
    """What a bench measures with: `measure(target)` once, then as many figures as it has."""

    def __init__(self, benchmark: BenchmarkFixture, group: str, turn: Turn, *, smoke: bool) -> None:
        """Figures go to pytest-benchmark's JSON, as ``extra_info`` of the turn; `group` is what they are about."""
        self._benchmark = benchmark
        self._smoke = smoke
        self._figures: list[dict[str, object]] = []
        benchmark.group = group
        benchmark.extra_info.update(turn=turn.number, engine=turn.engine, figures=self._figures)

    def size(self, full: int, *, smoke: int) -> int:
        """How many, of whatever the bench takes: few where it is only to be seen that it runs."""
        return smoke if self._smoke else full

    def __call__(self, target: Callable[[], T]) -> tuple[T, float]:
        """Runs `target` once; returns its value and the seconds that it took."""
        took = 0.0

        def timed() -> T:
            nonlocal took
            began = time.perf_counter()
            value = target()
            took = time.perf_counter() - began
            return value

        pedantic: Callable[..., T] = self._benchmark.pedantic
        return pedantic(timed, rounds=1, iterations=1), took

    def rate(self, title: str, count: float, seconds: float, *, headline: bool = False) -> None:
        """How many a second."""
        self.figure(title, count / seconds, "1/s", headline=headline)

    def duration(self, title: str, seconds: float, *, headline: bool = False) -> None:
        """How long."""
        self.figure(title, 1000 * seconds, "ms", headline=headline)

    def figure(self, title: str, value: float, unit: Unit, *, headline: bool = False) -> None:
        """Any other number."""
        self._figures.append(asdict(Figure(title, value, unit, headline)))


def at(share: float, values: list[float]) -> float:
    """The value that the share of all values does not exceed: 0.5 for the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
