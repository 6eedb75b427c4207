"""docs/storage.md names the tables, columns and indexes of the format, all of them and no others."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from motia_fast.engine.pure import schema
from tests.integration.served import ROOT

PAGE = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
_SECTION = re.compile(r"^### `(\w+)`\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
_COLUMNS = re.compile(r"^\| Column \| \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)`", re.MULTILINE)


def made(sql: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.TABLES)
        return [name for (name,) in connection.execute(sql)]


def test_the_page_has_the_tables_and_columns_of_the_format() -> None:
    tables = made("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
    described = {
        table: _ROW.findall(columns[1]) for table, text in _SECTION.findall(PAGE) if (columns := _COLUMNS.search(text))
    }
    assert described == {table: made(f"SELECT name FROM pragma_table_info('{table}')") for table in tables}


def test_the_page_has_the_indexes_of_the_format() -> None:
    tables, indexes = (
        set(made(f"SELECT name FROM sqlite_master WHERE type = '{kind}' AND sql IS NOT NULL"))
        for kind in ("table", "index")
    )
    named = {name for name in re.findall(r"`(\w+_\w+)`", PAGE) if name.rpartition("_")[0] in tables}
    assert named == indexes


def test_the_page_has_the_numbers_of_meta() -> None:
    text = dict(_SECTION.findall(PAGE))["meta"]
    assert [name for name in schema.META if f"`{name}`" not in text] == []


def test_the_page_has_the_places_of_a_job() -> None:
    places = re.findall(r"^\| (\d) \| (\w+) \|", PAGE, re.MULTILINE)
    names = ("WINDOW", "SPILLED", "SCHEDULED", "DEAD", "KEYED")
    assert places == [(str(getattr(schema, name)), name.lower()) for name in names]


def test_the_page_is_of_this_format() -> None:
    assert f"**format {schema.FORMAT}**" in PAGE
    assert f"{schema.APPLICATION_ID:#010X}".replace("0X", "0x") in PAGE
