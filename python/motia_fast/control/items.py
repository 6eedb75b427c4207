"""The verbs about state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.contract import StateWrite
from motia_fast.control import views
from motia_fast.control.pages import page
from motia_fast.encoding import encode
from motia_fast.state_store.values import check_name, checked

if TYPE_CHECKING:
    from motia_fast.access import SyncAccess
    from motia_fast.contract import Engine, StateChange


class StateVerbs:
    """Get, set and delete an item; list the items of a group, and the groups.

    A group or key that is not 1 to 512 bytes raises `ValidationFailed`, as it does in a handler.
    """

    def __init__(self, engine: Engine, access: SyncAccess) -> None:
        """`access` waits where the engine refuses to."""
        self._engine = engine
        self._access = access

    def get(self, group: str, key: str) -> dict[str, Any]:
        """One item; version 0 and no value where there is none."""
        checked(group, key)
        found = self._access.warm(lambda: self._engine.state.get(group, key), [(group, key)])
        return {"group": group, "key": key, "value": None, "version": 0} | (views.item(found) if found else {})

    def set(self, group: str, key: str, value: Any, ttl: float | None = None) -> dict[str, Any]:
        """Sets one item; `ttl` is in seconds. `old` is null for a new one."""
        change = self._write(StateWrite(group, key, value=encode(value, "value"), ttl=ttl))
        return {"group": group, "key": key, "old": views.value_of(change.old or b""), "version": change.version}

    def delete(self, group: str, key: str) -> dict[str, Any]:
        """Deletes one item; `deleted` is false where there was none."""
        change = self._write(StateWrite(group, key, delete=True))
        old = views.value_of(change.old or b"")
        return {"group": group, "key": key, "old": old, "deleted": change.old is not None}

    def items(self, group: str, limit: int = 100, after: str | None = None) -> dict[str, Any]:
        """A page of a group's items, in the order in which they were first set."""
        check_name("group", group)
        found = page(
            lambda count, above: self._engine.state.items(group, count, above),
            limit,
            after,
            key=lambda item: item.key,
            size=lambda item: len(item.key) + len(item.value),
        )
        return {"group": group} | found.answer("items", views.item)

    def groups(self) -> dict[str, Any]:
        """The groups that have items, by name."""
        return {"groups": [{"group": group, "items": items} for group, items in self._engine.state.groups()]}

    def _write(self, write: StateWrite) -> StateChange:
        checked(write.group, write.key)
        written = self._access.warm(lambda: self._engine.state.write([write]), [(write.group, write.key)])
        self._access.durable(written.commit)
        return written.changes[0]
