"""What a killed process left behind, read from a copy of its directory as docs/storage.md describes it.

Nothing opens the original before the next life of the application does.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import zlib
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.clients import Clients, text_of
from tests.crash.journal import Journal

#: Where each step leaves its mark.
GROUPS = {"place": "placed", "bill": "billed", "tell": "told"}
DEAD = 3
_HEADER = 48


@dataclass(frozen=True, slots=True)
class Row:
    """One unfinished job."""

    step: str
    order: str
    dead: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class Remains:
    """Unfinished jobs by id, those of them that ran at the kill, and the state by group and key."""

    jobs: dict[int, Row]
    running: frozenset[int]
    state: dict[str, dict[str, Any]]

    @property
    def pending(self) -> int:
        """Jobs that waited for their turn."""
        return len(self.jobs.keys() - self.running)

    @property
    def total(self) -> dict[str, int]:
        """What the handlers of `place` counted, by one write for each of its two fields."""
        total: dict[str, int] = self.state.get("totals", {}).get("placed", {"a": 0, "b": 0})
        return total

    def traces(self, step: str) -> set[str]:
        """The orders for which a step has a job, or did its work."""
        return {row.order for row in self.jobs.values() if row.step == step} | self.state.get(GROUPS[step], {}).keys()


def read(data_dir: Path, scratch: Path) -> Remains:
    """Copies the directory, and reads the copy as SQLite recovers it; the file must be sound."""
    copy = scratch / "remains"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for name in ("engine.db", "engine.db-wal", "running"):
        if (data_dir / name).exists():
            shutil.copy(data_dir / name, copy / name)
    with closing(sqlite3.connect(copy / "engine.db")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return Remains(_jobs(file), _running(copy / "running"), _state(file))


def _jobs(file: sqlite3.Connection) -> dict[int, Row]:
    sql = "SELECT job.id, name.text, payload, place, attempt FROM job JOIN name ON name.id = job.sub"
    return {
        job: Row(name.partition("/")[0], json.loads(payload)["id"], place == DEAD, attempt)
        for job, name, payload, place, attempt in file.execute(sql)
    }


def _running(path: Path) -> frozenset[int]:
    data = path.read_bytes()
    return frozenset(job for (job,) in struct.iter_unpack("<q", data[_HEADER:]) if job)


def _state(file: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for group, key, value in file.execute("SELECT grp, key, value FROM state"):
        found[group][key] = json.loads(value)
    return dict(found)


# ---------------------------------------------------------------- what must be true of them


def check(remains: Remains, clients: Clients, journal: Journal) -> None:
    """Everything that was said, begun or shown before the kill is in what it left, and nothing is half there.

    `clients` must have been told nothing that came after the kill.
    """
    placed, billed, told = (remains.traces(step) for step in GROUPS)
    lost = clients.acknowledged - placed
    assert not lost, f"acknowledged, and gone: {lost}"
    assert placed == billed, f"one half of a commit: {placed ^ billed}"
    assert not clients.refused & placed, "a refused order is there"
    assert remains.total["a"] == remains.total["b"], f"a half-written value: {remains.total}"
    assert clients.told <= remains.total["a"], f"a response told {clients.told}, and {remains.total} is left"
    _check_started(remains, journal)
    _check_effects(remains, told)
    _check_values(remains)
    assert {row.attempt for row in remains.jobs.values()} <= {0}, "a crash counted as an attempt"


def _check_started(remains: Remains, journal: Journal) -> None:
    journal.count("")
    for step in GROUPS:
        taken_back = {order for started, order in list(journal.starts) if started == step} - remains.traces(step)
        assert not taken_back, f"{step} was started for these, and nothing of it is left: {taken_back}"


def _check_effects(remains: Remains, told: set[str]) -> None:
    """What a handler enqueued precedes its own end: a job that is gone has left its next one."""
    unfinished = {row.order for row in remains.jobs.values() if row.step == "place"}
    silent = remains.state.get("placed", {}).keys() - unfinished - told
    assert not silent, f"placed, and never told of: {silent}"


def _check_values(remains: Remains) -> None:
    for order, value in remains.state.get("placed", {}).items():
        text = value["text"]
        assert (text, value["sum"]) == (text_of(order, len(text)), zlib.crc32(text.encode())), order
        billed = remains.state.get("billed", {}).get(order)
        assert billed is None or billed["sum"] == value["sum"], order
    for order, value in remains.state.get("told", {}).items():
        assert value == {"order": order}
