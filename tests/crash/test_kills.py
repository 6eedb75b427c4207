"""A server under load is killed again and again, and loses nothing. Real processes, real SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.engines import Name
from tests.crash import points
from tests.crash.row import RANDOM, Record, Row, row_of_kills
from tests.crash.server import until
from tests.crash.slices import one_engine, share

#: Seconds in which a stop is under way; it lasts longer while jobs wait for the threads that work on them.
STOP = 0.1


@pytest.fixture
def row(tmp_path: Path, engine: Name) -> Iterator[Row]:
    with row_of_kills(tmp_path, engine) as row:
        yield row


@pytest.fixture
def pooled(tmp_path: Path, engine: Name) -> Iterator[Row]:
    """The application has a `ProcessPoolExecutor`, whose processes outlive each kill."""
    with row_of_kills(tmp_path, engine, {"CRASH_POOL": "1"}) as row:
        yield row


def test_a_job_that_was_acknowledged_is_never_lost(row: Row, record_property: Record) -> None:
    for _ in range(share(6)):
        row.kill(RANDOM)
    row.finish(record_property)


def test_nothing_that_the_engine_starts_or_sends_can_be_taken_back_by_a_crash(
    row: Row, record_property: Record
) -> None:
    for point in points.POINTS:
        row.kill(point)
    row.finish(record_property)


@pytest.mark.parametrize("engine", one_engine(1))
def test_worker_processes_that_outlive_a_kill_hold_neither_the_port_nor_the_lock(
    pooled: Row, record_property: Record
) -> None:
    for kill in (RANDOM, points.HANDLED):
        pooled.kill(kill)
    assert len(pooled.server.orphans()) == 4  # or there was nothing that could have held them
    pooled.finish(record_property)


def test_kills_during_the_start_lose_nothing(row: Row, record_property: Record) -> None:
    row.kill(RANDOM)
    row.server.start()
    took = row.server.starts[-1]
    row.server.kill()
    row.look()
    for _ in range(share(3)):
        row.server.spawn()
        time.sleep(row.chance.uniform(0.3, 1.0) * took)
        row.server.kill()
        row.look()
    row.finish(record_property)


def test_kills_during_a_stop_lose_nothing(row: Row, record_property: Record) -> None:
    for _ in range(share(2)):
        row.start()
        row.server.terminate()
        time.sleep(row.chance.uniform(0, STOP))
        os.kill(row.server.pid, signal.SIGKILL)
        until(lambda: not row.server.alive, "the end")
        row.look()
    row.finish(record_property, {202, 400, 503})  # 503 once the stop has begun


# ---------------------------------------------------------------- make soak


@pytest.mark.soak
def test_seventy_kills_in_a_row_lose_nothing(row: Row, record_property: Record) -> None:
    kills = [RANDOM] * 35 + list(points.POINTS) * 5
    random.Random(row.seed).shuffle(kills)
    for kill in kills:
        row.kill(kill)
    row.finish(record_property)


@pytest.mark.soak
def test_twenty_kills_in_a_row_beside_worker_processes_lose_nothing(pooled: Row, record_property: Record) -> None:
    for kill in [RANDOM] * 13 + list(points.POINTS):
        pooled.kill(kill)
    assert len(pooled.server.orphans()) == 40
    pooled.finish(record_property)
