"""What benches measured, read from pytest-benchmark's JSON: one row for each figure, with its turns on each engine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Engine = Literal["rust", "pure"]

#: What benches are about, the file's name without ``test_``, in the order in which a reader wants to know it.
GROUPS = {
    "enqueue": "Durable enqueue",
    "drain": "Draining waiting jobs",
    "latency": "From enqueue to start",
    "http": "From POST to job",
    "retries": "Retries",
    "conditions": "Conditions",
    "state": "State",
    "open": "Opening a backlog",
    "rerun": "After a kill",
    "backlog": "A large backlog",
    "idle": "Idle",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `rust` and `pure` are its values by turn, and may be empty."""

    group: str
    title: str
    unit: str
    headline: bool
    rust: dict[int, float] = field(default_factory=dict[int, float])
    pure: dict[int, float] = field(default_factory=dict[int, float])

    def turns(self, engine: Engine) -> dict[int, float]:
        """The values of one engine."""
        return self.rust if engine == "rust" else self.pure

    def median(self, engine: Engine) -> float | None:
        """None where the engine was not measured."""
        values = self.turns(engine).values()
        return median(values) if values else None

    def spread(self, engine: Engine) -> float | None:
        """Half the range of the turns as a share of their median: 0.05 for ±5 %. None without two turns."""
        values = list(self.turns(engine).values())
        middle = self.median(engine)
        return (max(values) - min(values)) / 2 / middle if middle and len(values) > 1 else None

    @property
    def more_is_better(self) -> bool:
        """Of rates; of times, memory and counts less is better."""
        return self.unit == "1/s"

    @property
    def ratio(self) -> float | None:
        """How many times as good Rust is, the median over turns that both took; over 1 is better, whatever the unit."""
        both = [(self.rust[turn], self.pure[turn]) for turn in self.rust.keys() & self.pure.keys()]
        if not both or not all(rust > 0 and pure > 0 for rust, pure in both):
            return None
        return median(rust / pure if self.more_is_better else pure / rust for rust, pure in both)


def rows(runs: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The rows of runs, in the order of `GROUPS`, and within a group in that of the benches."""
    found: dict[tuple[str, str], Row] = {}
    for run in runs:
        for bench in run["benchmarks"]:
            info = bench["extra_info"]
            for figure in info["figures"]:
                key = bench["group"], figure["title"]
                row = found.setdefault(key, Row(*key, figure["unit"], figure["headline"]))
                row.turns(info["engine"])[info["turn"]] = figure["value"]
    order = list(GROUPS)
    return sorted(found.values(), key=lambda row: order.index(row.group))


def read(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Runs, one of each file."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def reduced(run: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth keeping of a run: everything that pages are made of, and the same keys for it."""
    machine, cpu = run["machine_info"], run["machine_info"]["cpu"]
    return {
        "machine_info": {
            **{name: machine[name] for name in ("python_implementation", "python_version", "system", "release")},
            "cpu": {name: cpu[name] for name in ("brand_raw", "count")},
        },
        "commit_info": {name: run["commit_info"][name] for name in ("id", "time", "dirty")},
        "datetime": run["datetime"],
        "version": run["version"],
        "benchmarks": [
            {name: bench[name] for name in ("group", "name", "params", "extra_info")} for bench in run["benchmarks"]
        ],
    }


def described(run: Mapping[str, Any]) -> str:
    """On what a run was made, when, and how often it measured."""
    machine, cpu = run["machine_info"], run["machine_info"]["cpu"]
    commit = f"commit {run['commit_info']['id'][:10]}{', with changes' if run['commit_info']['dirty'] else ''}"
    turns = max((bench["extra_info"]["turn"] for bench in run["benchmarks"]), default=0)
    return (
        f"{machine['python_implementation']} {machine['python_version']}, {machine['system']} {machine['release']}, "
        f"{cpu['count']} processors ({cpu['brand_raw']}), {run['datetime'][:10]}, {commit}, "
        f"{turns} turn{'' if turns == 1 else 's'} of each engine"
    )
