"""Medians, spreads and ratios of what benches measured; the comments do the arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from benches.results import Row, described, reduced, rows


def row(unit: str = "1/s", rust: dict[int, float] | None = None, pure: dict[int, float] | None = None) -> Row:
    return Row("drain", "drain, async", unit, headline=True, rust=rust or {}, pure=pure or {})


def bench(group: str, engine: str, turn: int, *figures: tuple[str, float]) -> dict[str, Any]:
    """One entry of pytest-benchmark's JSON."""
    found = [{"title": title, "value": value, "unit": "ms", "headline": False} for title, value in figures]
    info = {"engine": engine, "turn": turn, "figures": found}
    return {"group": group, "name": "test_it", "params": None, "stats": {"data": [1.0]}, "extra_info": info}


def run(*benches: dict[str, Any]) -> dict[str, Any]:
    """A run as pytest-benchmark writes it, with more than is kept."""
    cpu = {"brand_raw": "Abacus", "count": 2, "flags": ["fast"]}
    return {
        "machine_info": {
            "python_implementation": "CPython",
            "python_version": "3.11.7",
            "system": "Linux",
            "release": "6.1",
            "python_compiler": "GCC",
            "cpu": cpu,
        },
        "commit_info": {"id": "0123456789abcdef", "time": "then", "dirty": False, "branch": "mine"},
        "datetime": "2026-11-24T20:00:00",
        "version": "5.3.1",
        "benchmarks": list(benches),
    }


@pytest.mark.parametrize(
    ("unit", "rust", "pure", "ratio"),
    [
        ("1/s", {1: 30.0}, {1: 10.0}, 3.0),  # 30 / 10
        ("ms", {1: 10.0}, {1: 30.0}, 3.0),  # 30 / 10: less is better
        ("MiB", {1: 20.0}, {1: 10.0}, 0.5),  # 10 / 20
        (
            "1/s",
            {1: 10.0, 2: 40.0, 3: 90.0},
            {1: 10.0, 2: 20.0, 3: 30.0},
            2.0,
        ),  # of 1, 2, 3; medians would give 40 / 20
        (
            "1/s",
            {1: 10.0, 2: 80.0, 3: 90.0},
            {1: 10.0, 2: 20.0, 3: 90.0},
            1.0,
        ),  # of 1, 4, 1; medians would give 80 / 20
        ("1/s", {1: 10.0, 2: 80.0}, {1: 10.0}, 1.0),  # the second turn has no partner
        ("1/s", {}, {1: 10.0}, None),
        ("in 10 s", {1: 0.0}, {1: 2.0}, None),  # nothing has no multiples
    ],
)
def test_the_ratio_is_the_median_of_the_turns_and_over_1_is_better(
    unit: str, rust: dict[int, float], pure: dict[int, float], ratio: float | None
) -> None:
    assert row(unit, rust, pure).ratio == ratio


@pytest.mark.parametrize(
    ("values", "median", "spread"),
    [
        ([], None, None),
        ([7.0], 7.0, None),
        ([90.0, 110.0], 100.0, 0.1),  # (110 - 90) / 2 / 100
        ([100.0, 90.0, 130.0], 100.0, 0.2),  # (130 - 90) / 2 / 100
        ([0.0, 0.0], 0.0, None),
    ],
)
def test_median_and_spread_are_those_of_one_engine(
    values: list[float], median: float | None, spread: float | None
) -> None:
    one = row(rust=dict(enumerate(values, 1)), pure={1: 1.0, 2: 1000.0})
    assert (one.median("rust"), one.spread("rust")) == (median, spread)


def test_rows_gather_the_turns_of_each_figure_in_the_order_of_groups() -> None:
    idle = bench("idle", "rust", 1, ("memory", 5.0))
    turns = [
        bench("enqueue", engine, turn, ("p50", 10.0 * turn), ("p99", 1.0))
        for turn in (1, 2)
        for engine in ("rust", "pure")
    ]
    found = rows([run(idle, *turns), run(bench("backlog", "pure", 1, ("disk", 9.0)))])
    assert [(one.group, one.title) for one in found] == [
        ("enqueue", "p50"),
        ("enqueue", "p99"),
        ("backlog", "disk"),
        ("idle", "memory"),
    ]
    assert found[0].rust == {1: 10.0, 2: 20.0} == found[0].pure
    assert (found[3].rust, found[3].pure) == ({1: 5.0}, {})


def test_what_is_kept_of_a_run_makes_the_same_rows_and_says_the_same_of_it() -> None:
    whole = run(bench("enqueue", "rust", 1, ("p50", 10.0)), bench("enqueue", "rust", 2, ("p50", 11.0)))
    kept = reduced(whole)
    assert rows([kept]) == rows([whole])
    assert (
        described(kept)
        == described(whole)
        == ("CPython 3.11.7, Linux 6.1, 2 processors (Abacus), 2026-11-24, commit 0123456789, 2 turns of each engine")
    )
    assert not {"flags", "branch", "python_compiler", "stats"} & set(str(kept).split("'"))
