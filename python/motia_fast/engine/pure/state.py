"""State: groups of JSON values by key, in a bounded cache over the store.

What is in the cache is the truth. An item that is not durable yet is *dirty* and is never evicted; a key that is known
not to exist is in it too, without a value. A key that the cache does not have is cold: no verb answers for it, so
nothing can change it until `load` has read it. As long as nothing was ever evicted and the file was read whole, the
cache is *complete*, and what it does not have does not exist.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from motia_fast.clock import micros
from motia_fast.contract import COLD, Cold, StateChange, StateItem, StateWritten
from motia_fast.engine.pure.commit import Commit
from motia_fast.engine.pure.update import apply
from motia_fast.errors import NotEncodable, PayloadTooLarge, UpdateRefused, VersionConflict

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from motia_fast.clock import Micros
    from motia_fast.contract import StateWrite
    from motia_fast.engine.pure.parts import Parts

UPSERT = (
    "INSERT INTO state(id, grp, key, version, expires, value) VALUES(?, ?, ?, ?, ?, ?) "
    "ON CONFLICT(grp, key) DO UPDATE SET "
    "id = excluded.id, version = excluded.version, expires = excluded.expires, value = excluded.value"
)
#: Bytes of a group's or a key's name.
MAX_NAME = 512
#: Bytes that a key costs the cache besides its value and its names, about.
_OVERHEAD = 200


class Item(NamedTuple):
    """One key of the cache; `value` None where there is no item. `id` orders a group by insertion."""

    id: int
    value: bytes | None
    version: int
    expires: Micros | None

    def at(self, now: Micros) -> Item:
        """The item as it is at `now`: gone once it has expired."""
        return ABSENT if self.expires is not None and self.expires <= now else self


ABSENT = Item(0, None, 0, None)
Key = tuple[str, str]


class Cache:
    """Items by (group, key), the ones used last at the end. Everything here is called under the engine's lock."""

    def __init__(self, limit: int) -> None:
        """Keeps about `limit` bytes, and whatever is dirty."""
        self._limit = limit
        self._items: OrderedDict[Key, Item] = OrderedDict()
        self._bytes = 0
        #: Dirty keys by group, each with the number of its newest commit.
        self.dirty: dict[str, dict[str, int]] = {}
        #: Groups whose clearing is not durable yet: what the store still has of them is gone.
        self.cleared: dict[str, int] = {}
        self.complete = False
        #: Rises with every eviction and clearing: what a loader read before may be stale.
        self.changes = 0

    def find(self, key: Key) -> Item | None:
        """The item of a key; None if it is cold."""
        item = self._items.get(key)
        if item is not None:
            self._items.move_to_end(key)
            return item
        return ABSENT if self.complete else None

    def put(self, key: Key, item: Item) -> None:
        """Keeps what was loaded or written."""
        old = self._items.pop(key, None)
        if old is not None:
            self._bytes -= _size(key, old)
        self._items[key] = item
        self._bytes += _size(key, item)

    def touch(self, key: Key, commit: int) -> None:
        """Marks a key as changed by a commit that is not durable yet."""
        self.dirty.setdefault(key[0], {})[key[1]] = commit

    def forget(self, group: str) -> None:
        """Drops a group that was cleared, dirty items too."""
        for key in [key for key in self._items if key[0] == group]:
            self._bytes -= _size(key, self._items.pop(key))
        self.dirty.pop(group, None)
        self.changes += 1

    def published(self, commits: Iterable[Commit]) -> None:
        """Makes the items that these commits wrote last clean, and evicts what is over the limit."""
        for commit in commits:
            for group, key in commit.keys:
                self._clean(group, key, commit.number)
            for group in [group for group, number in self.cleared.items() if number == commit.number]:
                del self.cleared[group]
                self.changes += 1
        self.evict()

    def _clean(self, group: str, key: str, commit: int) -> None:
        keys = self.dirty.get(group, {})
        if keys.get(key) != commit:
            return
        del keys[key]
        if not keys:
            del self.dirty[group]
        if self.complete and self._items[group, key].value is None:
            self._bytes -= _size((group, key), self._items.pop((group, key)))

    def evict(self, keep: AbstractSet[Key] = frozenset()) -> None:
        """Drops what was not used for longest, but nothing dirty, and nothing of `keep`, until the limit is kept."""
        if self._bytes <= self._limit:
            return
        gone = []
        for key, item in self._items.items():  # as far as it must: a full cache has hundreds of thousands of keys
            if self._bytes <= self._limit:
                break
            if key[1] not in self.dirty.get(key[0], ()) and key not in keep:
                gone.append(key)
                self._bytes -= _size(key, item)
        for key in gone:
            del self._items[key]
        if gone:
            self.complete = False
            self.changes += 1

    def changed_in(self, group: str) -> dict[str, Item]:
        """The dirty items of a group."""
        return {key: self._items[group, key] for key in self.dirty.get(group, ())}


class State:
    """The state verbs of the contract."""

    def __init__(self, parts: Parts) -> None:
        """Shares the engine's lock, store and committer."""
        self._parts = parts

    def get(self, group: str, key: str) -> StateItem | Cold | None:
        """See the contract."""
        with self._parts.running():
            item = self._parts.cache.find((group, key))
            if item is None:
                return COLD
            item = item.at(self._parts.clock.now())
            return StateItem(key, item.value, item.version) if item.value is not None else None

    def write(self, writes: Sequence[StateWrite]) -> StateWritten | Cold:
        """See the contract."""
        parts = self._parts
        with parts.running():
            commit = Commit()
            changes = plan(parts, commit, writes)
            if isinstance(changes, Cold):
                return COLD
            parts.disk.require_room()
            parts.committer.require_room(commit.count, commit.bytes)
            number = parts.commit(commit)
            keep(parts.cache, changes, number)
            return StateWritten(number, tuple(change.view() for change in changes))

    def load(self, keys: Sequence[Key]) -> None:
        """See the contract."""
        parts = self._parts
        while True:
            with parts.running():
                changes = parts.cache.changes
            with parts.store.reader() as connection:
                found = {key: _read(connection, key) for key in keys}
            with parts.running():
                if parts.cache.changes != changes:
                    continue  # what was read may be older than what was evicted meanwhile
                for key, item in found.items():
                    if parts.cache.find(key) is None:
                        parts.cache.put(key, ABSENT if key[0] in parts.cache.cleared else item)
                parts.cache.evict(keep=found.keys())  # whoever asked for them must find them, even beyond the limit
                return

    def items(self, group: str, limit: int | None = None, after: str | None = None) -> list[StateItem]:
        """See the contract."""
        parts = self._parts
        with parts.snapshot() as (connection, view):
            dirty = view.dirty_state(group)
            start = _id_of(connection, dirty, group, after)
            stored = (
                []
                if view.is_cleared(group)
                else _page(connection, group, start, view.now, None if limit is None else limit + len(dirty))
            )
        merged = {key: item for key, item in stored if key not in dirty}
        merged |= {key: item for key, item in dirty.items() if item.id > start}
        ordered = sorted(merged.items(), key=lambda entry: entry[1].id)
        live = [(key, item.at(view.now)) for key, item in ordered]
        return [StateItem(key, item.value, item.version) for key, item in live if item.value is not None][:limit]

    def groups(self) -> list[tuple[str, int]]:
        """See the contract."""
        with self._parts.snapshot() as (connection, view):
            names = {name for (name,) in connection.execute("SELECT DISTINCT grp FROM state")}
        counted = [(name, len(self.items(name))) for name in sorted(names | view.dirty_groups)]
        return [(name, count) for name, count in counted if count]

    def clear(self, group: str) -> tuple[int, int]:
        """See the contract."""
        parts = self._parts
        count = len(self.items(group))
        with parts.running():
            commit = Commit()
            commit.write("DELETE FROM state WHERE grp = ?", group)
            parts.committer.require_room(commit.count, 0)
            number = parts.commit(commit)
            parts.cache.forget(group)
            parts.cache.cleared[group] = number
            return number, count


class Planned(NamedTuple):
    """One change that a commit is going to make."""

    group: str
    key: str
    old: Item
    item: Item

    def view(self) -> StateChange:
        """As the caller sees it."""
        version = self.item.version if self.item.value is not None else self.old.version
        return StateChange(self.group, self.key, self.old.value, self.item.value, version)


def plan(parts: Parts, commit: Commit, writes: Sequence[StateWrite]) -> list[Planned] | Cold:
    """Adds the operations of `writes` to a commit, and changes nothing else. Later writes see earlier ones."""
    now = parts.clock.now()
    planned: dict[Key, Planned] = {}
    changes = []
    for write in writes:
        key = (write.group, write.key)
        earlier = planned.get(key)
        known = earlier.item if earlier is not None else parts.cache.find(key)
        if known is None:
            return COLD
        change = _change(parts, write, known.at(now), now)
        planned[key] = change
        changes.append(change)
        _write(commit, change)
    return changes


def keep(cache: Cache, changes: Iterable[Planned], commit: int) -> None:
    """Makes planned changes visible: their commit has its number."""
    for change in changes:
        cache.put((change.group, change.key), change.item)
        cache.touch((change.group, change.key), commit)


def _change(parts: Parts, write: StateWrite, old: Item, now: Micros) -> Planned:
    if write.expected_version is not None and write.expected_version != old.version:
        raise VersionConflict(write.group, write.key, write.expected_version, old.version)
    _require_names(write.group, write.key)
    if write.delete:
        return Planned(write.group, write.key, old, ABSENT)
    value = write.value if write.value is not None else _updated(write, old)
    limit = parts.settings.max_value
    if len(value) > limit:
        raise PayloadTooLarge(f"state {write.group}/{write.key}: {len(value)} bytes, more than max_value={limit}")
    if write.ttl is not None:
        expires: Micros | None = now + micros(write.ttl)
        parts.expire_from(now + micros(write.ttl))
    else:
        expires = old.expires if write.ops else None  # a set is a new value; an update leaves the item's time as it is
    id_ = old.id if old.value is not None else parts.ids.take()
    return Planned(write.group, write.key, old, Item(id_, value, old.version + 1, expires))


def _updated(write: StateWrite, old: Item) -> bytes:
    try:
        return apply(old.value, write.ops)
    except UpdateRefused as error:
        raise UpdateRefused(f"state {write.group}/{write.key}: {error}") from None


def _require_names(*names: str) -> None:
    """Refuses what no group or key may be called. Raises `PayloadTooLarge`, `NotEncodable`."""
    for name in names:
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            raise NotEncodable(f"state: {name!r} has lone surrogates, which UTF-8 cannot hold") from None
        if size > MAX_NAME:
            raise PayloadTooLarge(
                f"state: {name[:40]!r}.. has {size} bytes, more than the {MAX_NAME} of a group or key"
            )


def _write(commit: Commit, change: Planned) -> None:
    item = change.item
    commit.keys.append((change.group, change.key))
    if item.value is None:
        if change.old.value is not None:
            commit.write("DELETE FROM state WHERE grp = ? AND key = ?", change.group, change.key)
    else:
        commit.write(UPSERT, item.id, change.group, change.key, item.version, item.expires, item.value)


def _read(connection: sqlite3.Connection, key: Key) -> Item:
    row = connection.execute("SELECT id, value, version, expires FROM state WHERE grp = ? AND key = ?", key).fetchone()
    return Item(*row) if row else ABSENT


def _id_of(connection: sqlite3.Connection, dirty: dict[str, Item], group: str, after: str | None) -> int:
    if after is None:
        return 0
    if after in dirty:
        return dirty[after].id
    return _read(connection, (group, after)).id


def _page(
    connection: sqlite3.Connection, group: str, start: int, now: Micros, limit: int | None
) -> list[tuple[str, Item]]:
    sql = (
        "SELECT key, id, value, version, expires FROM state "
        "WHERE grp = ? AND id > ? AND (expires IS NULL OR expires > ?) ORDER BY id LIMIT ?"
    )
    rows = connection.execute(sql, (group, start, now, -1 if limit is None else limit))
    return [(key, Item(*rest)) for key, *rest in rows]


def _size(key: Key, item: Item) -> int:
    return _OVERHEAD + len(key[0]) + len(key[1]) + len(item.value or b"")
