"""The file: one SQLite database in WAL mode, written by one thread in group transactions.

The tests' stores stand in front of this one and let it fail, wait or die; what the engine calls is `commit`, `reader`,
`checkpoint`, `sizes` and `close`.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from motia_fast.engine.pure import schema
from motia_fast.engine.pure.directory import ANOTHER, REMEDY
from motia_fast.errors import DataDirUnusable, EngineClosed, FormatTooNew, MotiaError, StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from motia_fast.contract import Durability

log = logging.getLogger("motia_fast.engine")

T = TypeVar("T")

#: One write: SQL and its values.
Operation = tuple[str, tuple[Any, ...]]

INSERT_JOB = "INSERT INTO job(id, message, sub, priority, place, due, enqueued, meta, payload) VALUES"
DELETE_JOBS = "DELETE FROM job WHERE id IN (SELECT value FROM json_each(?))"
_JOB_COLUMNS = 9
_ROW = "(" + ",".join("?" * _JOB_COLUMNS) + ")"
#: Rows of one statement. Each step of a statement hands the GIL over, which costs up to 5 ms under a busy loop, so
#: a group should have few of them; 64 rows of 9 values stay below SQLite's oldest limit of 999 values.
_RUNS = (64, 16, 4, 1)
#: A WAL of about 1,000 pages is overwritten in place, which syncs faster; 10,000 pages gave stalls of 35 ms.
CHECKPOINT_PAGES = 1_000
#: Bytes of WAL that stay allocated after a burst: enough for a few checkpoints' worth of pages.
_WAL_KEPT = 8 * 1024 * 1024
#: Free pages that are kept for what comes next, pages given back at once, and groups between two looks.
_FREE_KEPT, _VACUUM_STEP, _LOOK_EVERY = 1_024, 256, 64
#: Seconds between two lines about a file that somebody else holds.
_SAY_EVERY = 5.0
_IN_MEMORY = Path(":memory:")


class Group(NamedTuple):
    """What one transaction writes. New jobs and finished ones are apart, since they are most of it."""

    commit: int
    inserted: list[tuple[Any, ...]]
    deleted: list[int]
    operations: list[Operation]


class Sizes(NamedTuple):
    """Bytes of the database and its WAL, and pages that are free inside."""

    database: int
    wal: int
    free_pages: int


class Meta(NamedTuple):
    """The values of the table `meta` that an opening needs."""

    commit: int
    next_id: int
    boot: int
    clean: bool


class Store:
    """One open database. `commit` is called by one thread at a time, readers from any thread."""

    def __init__(self, path: Path | None, durability: Durability) -> None:
        """Opens or makes the file; without a path, the database is in memory, and readers share its connection.

        Raises `DataDirUnusable`, `FormatTooNew`, `StoreCorrupt`.
        """
        self.path = path
        self._sync = "FULL" if durability == "sync" else "NORMAL"
        self._mutex = threading.RLock()
        self._readers: list[sqlite3.Connection] = []
        #: About how many pages the WAL has that are not in the database yet.
        self._unmoved = 0
        self._groups = 0
        self._shrinking = self._closed = False
        self._writer = self._open()

    def meta(self) -> Meta:
        """What the last process wrote in `meta`."""
        meta = dict(self._writer.execute("SELECT k, v FROM meta"))
        return Meta(meta["commit"], meta["next_id"], meta["boot"], bool(meta["clean"]))

    def begin(self, meta: Meta, reserve: int, marks: list[Operation]) -> None:
        """Counts this opening, marks the file as in use, reserves `reserve` ids, writes `marks`; all of it durable."""
        opening = [set_meta("boot", meta.boot + 1), set_meta("clean", 0), set_meta("next_id", meta.next_id + reserve)]
        self.commit(Group(meta.commit, [], [], opening + marks))

    def finish(self, commit: int) -> None:
        """Marks the file as closed cleanly."""
        self.commit(Group(commit, [], [], [set_meta("clean", 1)]))

    def commit(self, group: Group) -> None:
        """Writes and syncs one group, all of it or nothing. Raises what SQLite raises, but waits while it is busy."""
        with self._mutex:
            self._retry_busy("BEGIN IMMEDIATE")
            try:
                self._write(group)
                self._writer.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def checkpoint(self) -> None:
        """Moves the WAL into the database when it has grown, and gives free pages back; called between groups."""
        if self.path is None:
            return
        self._groups += 1
        with self._mutex:
            if self._unmoved >= CHECKPOINT_PAGES:
                _, frames, moved = self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                # What a reader still needs stays behind, and counts half: no busy loop around a slow reader.
                self._unmoved = (frames - moved) // 2
            if self._shrinking or self._groups % _LOOK_EVERY == 0:
                self._give_back()

    def _give_back(self) -> None:
        """Returns free pages to the file system, a few with each group, while they are many and a large share."""
        free = self._writer.execute("PRAGMA freelist_count").fetchone()[0]
        self._shrinking = free > _FREE_KEPT and free > self._writer.execute("PRAGMA page_count").fetchone()[0] // 4
        if self._shrinking:
            self._shrinking = self._vacuumed()
            self._unmoved += _VACUUM_STEP // 8

    def _vacuumed(self) -> bool:
        """Gives one step of free pages back, unless somebody else holds the file: that can wait for the next look."""
        try:
            self._writer.execute(f"PRAGMA incremental_vacuum({_VACUUM_STEP})").fetchall()
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            return False
        return True

    @contextlib.contextmanager
    def reader(self) -> Generator[sqlite3.Connection]:
        """A connection for reading, in a transaction of its own whose snapshot begins at entry. Keep it short."""
        if self.path is None:
            with self._mutex:
                yield self._writer
            return
        connection = self._take_reader()
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT v FROM meta WHERE k = 'commit'").fetchone()  # the first read takes the snapshot
            yield connection
        finally:
            connection.execute("ROLLBACK")
            self._readers.append(connection)
            if self._closed:  # meanwhile
                self._close_readers()

    def _close_readers(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._readers.pop().close()

    def _take_reader(self) -> sqlite3.Connection:
        if self._closed:
            raise EngineClosed("the engine is closed")
        try:
            return self._readers.pop()  # atomic, where asking first whether there is one is not
        except IndexError:
            return self._connect(read_only=True)

    def sizes(self) -> Sizes:
        """What the file takes on the disk."""
        if self.path is None:
            return Sizes(0, 0, 0)
        with self.reader() as connection:
            free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
        wal = self.path.with_name(self.path.name + "-wal")
        return Sizes(self.path.stat().st_size, wal.stat().st_size if wal.exists() else 0, free)

    def close(self) -> None:
        """Closes every connection; SQLite then empties the WAL into the database."""
        with self._mutex:
            self._closed = True
            self._close_readers()
            self._writer.close()

    def _write(self, group: Group) -> None:
        """New rows first, deletions last: in between, an operation of the group may still concern a job that goes."""
        for rows in _powers(group.inserted):
            values = f"{INSERT_JOB} {','.join([_ROW] * len(rows))}"
            self._writer.execute(values, [value for row in rows for value in row])
        for sql, parameters in group.operations:
            self._writer.execute(sql, parameters)
        if group.deleted:
            self._writer.execute(DELETE_JOBS, (str(group.deleted),))
        self._writer.execute("UPDATE meta SET v = ? WHERE k = 'commit'", (group.commit,))
        self._unmoved += _pages(group)

    def _retry_busy(self, sql: str) -> None:
        """Somebody else holds the file (a backup, a curious shell): waits for them, and says so."""
        said = 0.0
        while True:
            try:
                self._writer.execute(sql)
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                if time.monotonic() - said > _SAY_EVERY:
                    said = time.monotonic()
                    log.warning("%s is locked by another program; commits wait for it", self.path)
            else:
                return

    def _open(self) -> sqlite3.Connection:
        try:
            writer = self._connect(read_only=False)
        except sqlite3.Error as error:
            raise DataDirUnusable(f"cannot open {self.path}: {error}; {REMEDY}") from error
        try:
            self._prepare(writer)
        except sqlite3.DatabaseError as error:
            writer.close()
            raise opening_error(self.path, error) from error
        except BaseException:
            writer.close()
            raise
        return writer

    def _prepare(self, writer: sqlite3.Connection) -> None:
        found = writer.execute("PRAGMA user_version").fetchone()[0]
        owner = writer.execute("PRAGMA application_id").fetchone()[0]
        empty = not writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if empty and owner == 0:
            _create(writer)
        elif owner != schema.APPLICATION_ID:
            raise StoreCorrupt(f"{self.path} is a database, but not one of motia_fast; it was not touched: {ANOTHER}")
        elif found > schema.FORMAT and _min_reader(writer) > schema.FORMAT:
            raise FormatTooNew(self.path or _IN_MEMORY, found, schema.FORMAT)
        elif self.path is not None:
            _require_whole(self.path, writer)
        writer.execute("PRAGMA journal_mode = WAL").fetchone()
        writer.execute(f"PRAGMA synchronous = {self._sync}")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}").fetchone()

    def _connect(self, *, read_only: bool) -> sqlite3.Connection:
        target = ":memory:" if self.path is None else str(self.path)
        connection = sqlite3.connect(target, timeout=1.0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA fullfsync = ON")  # macOS: a plain fsync stops at the drive's cache
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # SQLite rolls back by itself on a full disk or an I/O error
            self._writer.execute("ROLLBACK")


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def set_meta(key: str, value: int) -> Operation:
    """Sets one value of `meta`."""
    return "UPDATE meta SET v = ? WHERE k = ?", (value, key)


def _create(writer: sqlite3.Connection) -> None:
    """Makes a whole new file, or nothing: the transaction is what a kill in the middle leaves behind."""
    writer.execute("PRAGMA page_size = 4096")
    writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
    writer.execute("BEGIN IMMEDIATE")
    for statement in schema.TABLES.split(";"):
        writer.execute(statement)
    writer.executemany("INSERT INTO meta(k, v) VALUES(?, ?)", schema.META.items())
    writer.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    writer.execute(f"PRAGMA user_version = {schema.FORMAT}")
    writer.execute("COMMIT")


def _min_reader(writer: sqlite3.Connection) -> int:
    row = writer.execute("SELECT v FROM meta WHERE k = 'min_reader'").fetchone()
    return int(row[0]) if row else schema.FORMAT + 1


def opening_error(path: Path | None, error: Exception) -> MotiaError:
    """What it means that a file, or its directory, could not be opened."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
        return StoreCorrupt(f"{path} is damaged or not a database ({error}); it was not touched: restore a backup")
    return DataDirUnusable(f"cannot use {path}: {error}; {REMEDY}")


def _require_whole(path: Path, writer: sqlite3.Connection) -> None:
    """Refuses a file that was cut off. With a WAL beside it the file may still be short of what the WAL brings."""
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        return
    wanted = writer.execute("PRAGMA page_count").fetchone()[0] * writer.execute("PRAGMA page_size").fetchone()[0]
    found = path.stat().st_size
    if found < wanted:
        raise StoreCorrupt(f"{path} was cut off: {found} of {wanted} bytes; it was not touched: restore a backup")


def _pages(group: Group) -> int:
    """About how many pages of WAL a group takes: the counters' page, the tree's edge, and what was given."""
    size = sum(len(row[7]) + len(row[8]) + 40 for row in group.inserted)
    return 3 + size // 4096 + len(group.deleted) // 50 + 2 * len(group.operations)


def _powers(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cuts rows into runs of 64, 16, 4 and 1: few statements, and few different ones to prepare."""
    start = 0
    for size in _RUNS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size
