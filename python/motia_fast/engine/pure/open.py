"""Open: take the directory, count the boot, note who ran in a crash, and read what is there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from motia_fast.engine.pure.commit import Committer
from motia_fast.engine.pure.directory import DataDirectory
from motia_fast.engine.pure.disk import Disk
from motia_fast.engine.pure.lease import Leases
from motia_fast.engine.pure.load import load, reload_jobs
from motia_fast.engine.pure.parts import ID_BLOCK, Ids, Names, Parts
from motia_fast.engine.pure.publish import publish
from motia_fast.engine.pure.reader import Reader
from motia_fast.engine.pure.running import RunningFile, named_jobs
from motia_fast.engine.pure.store import Store, opening_error
from motia_fast.engine.pure.tick import tick

if TYPE_CHECKING:
    from collections.abc import Callable

    from motia_fast.contract import EngineSettings
    from motia_fast.engine.pure.store import Meta


class Opened(NamedTuple):
    """An engine's inside, and the directory that it holds."""

    parts: Parts
    directory: DataDirectory | None


def open_parts(settings: EngineSettings, wrap: Callable[[Store], Store]) -> Opened:
    """See `contract.Open`. `wrap` stands a store of the tests in front of the real one."""
    if settings.data_dir is None:
        if settings.durability != "memory":
            raise ValueError('data_dir is None, which only durability="memory" can do without')
        return Opened(_open_store(settings, wrap, None), None)
    directory = DataDirectory(settings.data_dir, settings.lock_wait)
    try:
        parts = _open_store(settings, wrap, directory)
        directory.sign(parts.boot)
    except (OSError, sqlite3.Error) as error:
        directory.release()
        raise opening_error(directory.path / "engine.db", error) from error
    except BaseException:
        directory.release()
        raise
    return Opened(parts, directory)


def _open_store(settings: EngineSettings, wrap: Callable[[Store], Store], directory: DataDirectory | None) -> Parts:
    in_file = directory is not None and settings.durability != "memory"
    store = wrap(Store(directory.path / "engine.db" if in_file and directory else None, settings.durability))
    running = directory.path / "running" if in_file and directory else None
    try:
        meta = store.meta()
        parts = _parts(settings, store, meta, directory if in_file else None)
        _names(parts)
        load(parts)  # before the first write: a damaged file is found here, and stays as it is
        crashed = [] if meta.clean or running is None else named_jobs(running, meta.boot)
        store.begin(meta, ID_BLOCK, _marks(crashed, settings.clock.now()))
        parts.running_file = RunningFile(running, settings.concurrency, parts.boot)
        if crashed:
            reload_jobs(parts)
    except BaseException:
        store.close()
        raise
    parts.committer.start()
    parts.reader.start()
    tick(parts)  # what became due while nobody looked is ready from the start
    return parts


def _parts(settings: EngineSettings, store: Store, meta: Meta, directory: DataDirectory | None) -> Parts:
    parts = Parts(settings, store, meta.boot + 1)
    parts.ids = Ids(meta.next_id)
    parts.disk = Disk(directory.path if directory is not None else None, settings.min_free_disk, settings.clock)
    parts.leases = Leases(parts.boot)
    parts.history = deque(maxlen=settings.history)
    parts.reader = Reader(parts)
    parts.committer = Committer(store, settings, parts.lock, parts.wake, meta.commit)
    parts.committer.publish = lambda commits: publish(parts, commits)
    return parts


def _marks(crashed: list[int], now: int) -> list[tuple[str, tuple[object, ...]]]:
    """The jobs that were running when the process died count a crash, and are due at once."""
    if not crashed:
        return []
    sql = (
        "UPDATE job SET crashes = crashes + 1, place = 2, due = ? "
        "WHERE id IN (SELECT value FROM json_each(?)) AND place <> 3"
    )
    return [(sql, (now, str(crashed)))]


def _names(parts: Parts) -> None:
    with parts.store.reader() as connection:
        known = {text: id_ for id_, text in connection.execute("SELECT id, text FROM name WHERE kind = 'sub'")}
    parts.names = Names(known)
    for name, number in known.items():
        parts.know(number, name)


def close_parts(opened: Opened) -> None:
    """Finishes the current group, marks the file as closed cleanly, and lets go of the directory."""
    parts, directory = opened
    with parts.closing, contextlib.ExitStack() as last:
        with parts.lock:
            if parts.closed:
                return
            parts.closed = True  # first: what was accepted from here on would not be written any more
        last.callback(parts.wake.close)
        if directory is not None:
            last.callback(directory.release)
        last.callback(parts.store.close)
        last.callback(parts.running_file.close)  # after a failure too: an end in order is no crash of what runs
        parts.committer.close()
        parts.reader.close()
        if parts.committer.failure is None:
            parts.store.finish(parts.committer.durable)
