"""The file: each released format opens, a newer one is refused, and what is not ours is not touched."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from motia_fast.contract import JobFilter, Message, ScheduleRow, StateItem
from motia_fast.errors import FormatTooNew, StoreCorrupt
from tests.contract.engines import ENGINES, Name
from tests.contract.fixtures.make_format_1 import RETRY, SUBSCRIPTIONS
from tests.contract.process import ROOT
from tests.contract.rig import Rig
from tests.contract.verbs import (
    drain,
    ids,
    item,
    message,
    only,
    put,
    put_all,
    put_numbers,
    set_state,
    sub,
    take,
    take_one,
    until,
    value,
    values,
    view,
)

if TYPE_CHECKING:
    from motia_fast.contract import Engine

FIXTURE = Path(__file__).parent / "fixtures" / "format-1.db"
#: Everything but ``gone/old``.
DECLARED = SUBSCRIPTIONS[:2] + SUBSCRIPTIONS[3:]


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


# ---------------------------------------------------------------- format 1


@pytest.fixture
def database(rig: Rig) -> Path:
    """A copy of the fixture, in the rig's directory."""
    rig.path.mkdir()
    return Path(shutil.copy(FIXTURE, rig.path / "engine.db"))


@pytest.fixture
def format_1(rig: Rig, database: Path) -> Engine:
    """An engine that opened the fixture an hour after it was written."""
    assert database.exists()
    rig.clock.advance(7_000.0)
    return rig.open(*DECLARED)


def test_the_fixture_has_rows_in_every_table() -> None:
    tables = [name for (name,) in rows(FIXTURE, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert [name for name in tables if not rows(FIXTURE, f"SELECT 1 FROM {name} LIMIT 1")] == []
    places = {place for (place,) in rows(FIXTURE, "SELECT place FROM job")}
    assert places == {0, 1, 2, 3}


def test_the_fixture_has_what_the_page_on_storage_describes() -> None:
    page = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    for table in [name for (name,) in rows(FIXTURE, "SELECT name FROM sqlite_master WHERE type = 'table'")]:
        assert f"`{table}`" in page
        for column in [name for (name,) in rows(FIXTURE, f"SELECT name FROM pragma_table_info('{table}')")]:
            assert f"`{column}`" in page, f"docs/storage.md does not tell what {table}.{column} is"


def test_format_1_brings_its_waiting_jobs(format_1: Engine) -> None:
    came = drain(format_1, 7)
    assert [each for each in values(came) if each != "urgent"] == [0, 1, 2, 3, 4, 5]
    (urgent,) = [job for job in came if job.priority == 9]
    assert (urgent.meta, urgent.attempt) == (b'{"trace":"u"}', 1)


def test_format_1_brings_its_scheduled_jobs(rig: Rig, format_1: Engine) -> None:
    scheduled = format_1.inspect.jobs(JobFilter(state="scheduled"))
    assert sorted(values(scheduled)) == ["delayed", "failed once", "keyed"]
    drain(format_1, 7)
    rig.clock.advance(3_600.0)
    format_1.tick()
    job = take_one(format_1)
    assert (values([job]), job.attempt) == (["failed once"], 2)
    assert job.last_error is not None
    assert job.last_error.message == "boom"


def test_format_1_brings_its_dead_letters(format_1: Engine) -> None:
    (dead,) = format_1.dead.list()
    assert (dead.payload, dead.attempt) == (b'"dead"', 2)
    assert [(each.number, each.error.type, each.error.message, each.error.reason) for each in dead.attempts] == [
        (1, "ValueError", "first", "failed"),
        (2, "TypeError", "last", "invalid_payload"),
    ]


def test_format_1_brings_its_orphans(format_1: Engine) -> None:
    (orphan,) = format_1.inspect.jobs(only("gone/old"))
    assert (orphan.payload, orphan.orphaned) == (b'"orphan"', True)
    format_1.register(SUBSCRIPTIONS)
    assert "orphan" in values(take(format_1))


def test_format_1_brings_its_parked_messages(format_1: Engine) -> None:
    (parked,) = format_1.inspect.parked()
    assert (parked.topic, parked.payload, parked.meta) == ("nowhere", b'"parked"', b'{"trace":"p"}')
    assert format_1.register([*DECLARED, sub("new/nowhere", retry=RETRY)]).unparked == 1
    (job,) = [job for job in format_1.inspect.jobs() if job.subscription == "new/nowhere"]
    assert job.priority == 8


def test_format_1_brings_its_state(format_1: Engine) -> None:
    assert item(format_1, "orders", "1") == StateItem("1", b'{"amount": 2}', 2)
    assert item(format_1, "größe", "ключ") == StateItem("ключ", b'{ "spaced" : 1.50 }', 1)
    assert [each.key for each in format_1.state.items("orders")] == ["1", "brief"]


def test_format_1_brings_its_schedules(format_1: Engine) -> None:
    (row,) = format_1.schedules.rows()
    assert row == ScheduleRow("clean/cron", "0 0 * * *", "Europe/Berlin", 1_700_003_600_000_000)


def test_format_1_goes_on_with_its_numbers(format_1: Engine) -> None:
    highest = max(ids(format_1.inspect.jobs()))
    (committed,) = rows(FIXTURE, "SELECT v FROM meta WHERE k = 'commit'")[0]
    assert format_1.committed >= committed
    assert put(format_1) > highest


LATER_TABLES = ["dedup", "stream", "paused", "result", "reply"]


@pytest.mark.parametrize("table", LATER_TABLES)
def test_what_later_versions_keep_in_format_1_is_left_as_it_is(
    rig: Rig, format_1: Engine, database: Path, table: str
) -> None:
    put_numbers(format_1, 10)
    drain(format_1, 17)
    set_state(format_1, "orders", "2", 1)
    rig.close()
    assert rows(database, f"SELECT * FROM {table}") == rows(FIXTURE, f"SELECT * FROM {table}")
    assert rows(database, "SELECT key FROM job WHERE key IS NOT NULL") == [("customer-7",)]


# ---------------------------------------------------------------- every engine, one file


@pytest.mark.parametrize("writer", ENGINES)
@pytest.mark.parametrize("reader", ENGINES)
def test_each_engine_opens_what_another_wrote_after_a_kill_too(tmp_path: Path, writer: Name, reader: Name) -> None:
    first = Rig(writer, tmp_path / "data")
    second = Rig(reader, tmp_path / "data")
    try:
        process = first.start(sub())
        process.put(*(message(n) for n in range(100)))
        process.kill()
        engine = second.open(sub())
        assert values(drain(engine, 50)) == list(range(50))
        set_state(engine, "g", "k", 1)
        second.close()
        engine = first.open(sub())
        assert values(drain(engine, 50)) == list(range(50, 100))
        assert value(engine, "g", "k") == 1
    finally:
        first.end()
        second.end()


def test_the_file_can_be_read_by_any_sqlite(rig: Rig) -> None:
    engine = rig.open(sub())
    put_numbers(engine, 3)
    rig.close()
    assert rows(rig.path / "engine.db", "PRAGMA integrity_check") == [("ok",)]
    assert rows(rig.path / "engine.db", "SELECT CAST(payload AS TEXT) FROM job") == [("0",), ("1",), ("2",)]


def test_the_file_shrinks_after_a_burst(rig: Rig) -> None:
    engine = rig.open(sub())
    for start in range(0, 3_000, 100):
        put_all(engine, [Message("jobs", b'"%s"' % (b"x" * 10_000)) for _ in range(start, start + 100)])
    drain(engine, 3_000)
    burst = engine.stats().database_bytes + engine.stats().wal_bytes
    assert burst > 30_000_000

    def ordinary_work_made_it_small() -> bool:
        put(engine)
        drain(engine, 1)
        stats = engine.stats()
        return stats.database_bytes + stats.wal_bytes < burst // 2

    until(ordinary_work_made_it_small, "half of the burst was given back")


# ---------------------------------------------------------------- what is not format 1


def newer(database: Path, min_reader: int) -> bytes:
    execute(database, "PRAGMA user_version = 99", f"UPDATE meta SET v = {min_reader} WHERE k = 'min_reader'")
    return database.read_bytes()


def test_a_newer_format_is_refused_with_both_numbers_and_not_touched(rig: Rig, database: Path) -> None:
    before = newer(database, 99)
    with pytest.raises(FormatTooNew) as raised:
        rig.open()
    assert (raised.value.found, raised.value.supported) == (99, 1)
    assert "99" in str(raised.value)
    assert str(database) in str(raised.value)
    assert database.read_bytes() == before


def test_a_newer_format_that_says_that_this_version_may_read_it_is_opened(rig: Rig, database: Path) -> None:
    newer(database, 1)
    engine = rig.open(*DECLARED)
    assert len(engine.dead.list()) == 1
    rig.close()
    assert rows(database, "PRAGMA user_version") == [(99,)]


def test_somebody_else_s_database_is_refused_and_not_touched(rig: Rig) -> None:
    rig.path.mkdir()
    database = rig.path / "engine.db"
    execute(database, "CREATE TABLE theirs(x)", "INSERT INTO theirs VALUES(1)")
    before = database.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"engine\.db"):
        rig.open()
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"not a database\n" * 1_000, b"\0" * 8_192, b"SQLite format 3\0" + b"\xff" * 9_000],
    ids=["text", "zeros", "header only"],
)
def test_a_file_that_is_no_database_is_refused_and_not_touched(rig: Rig, content: bytes) -> None:
    rig.path.mkdir()
    database = rig.path / "engine.db"
    database.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"engine\.db"):
        rig.open()
    assert database.read_bytes() == content


def test_a_file_that_was_cut_off_is_refused(rig: Rig, database: Path) -> None:
    whole = database.read_bytes()
    database.write_bytes(whole[: len(whole) // 2 // 4_096 * 4_096])
    with pytest.raises(StoreCorrupt, match=r"engine\.db"):
        rig.open(*DECLARED)


def test_a_file_whose_jobs_are_damaged_is_refused(rig: Rig) -> None:
    put_numbers(rig.open(sub()), 2_000)
    rig.close()
    database = rig.path / "engine.db"
    ((root,),) = rows(database, "SELECT rootpage FROM sqlite_master WHERE name = 'job'")
    content = bytearray(database.read_bytes())
    content[(root - 1) * 4_096 : root * 4_096] = b"\xa5" * 4_096
    database.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"engine\.db"):
        rig.open(sub())
    assert database.read_bytes() == bytes(content)


def test_a_half_made_file_of_a_killed_first_start_is_made_anew(rig: Rig) -> None:
    rig.path.mkdir()
    (rig.path / "engine.db").touch()
    engine = rig.open(sub())
    job = put(engine)
    assert view(engine, job).state == "ready"
