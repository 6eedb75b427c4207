"""The file under the engine, beside other programs that hold it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from motia_fast.engine.pure.store import Group, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Rows of a page each: enough free pages, once they are gone, to be worth giving back.
ROWS = 1_500


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store most of whose pages are free."""
    store = Store(tmp_path / "engine.db", "os")
    rows = [(id_, id_, 1, 5, 0, None, 0, b"", b"x" * 4_000) for id_ in range(1, ROWS + 1)]
    store.commit(Group(1, rows, [], []))
    store.commit(Group(2, [], list(range(1, ROWS + 1)), []))
    yield store
    store.close()


def look(store: Store) -> int:
    """Does what follows as many groups as it takes until the store looks at its free pages; returns their number."""
    for _ in range(64):
        store.checkpoint()
    return store.sizes().free_pages


def test_free_pages_are_given_back(store: Store) -> None:
    before = store.sizes().free_pages
    assert look(store) < before


def test_free_pages_wait_while_another_program_holds_the_file(store: Store, tmp_path: Path) -> None:
    before = store.sizes().free_pages
    other = sqlite3.connect(tmp_path / "engine.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert look(store) == before
    other.close()
    assert look(store) < before
