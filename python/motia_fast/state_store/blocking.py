"""State for `def` handlers and scripts: the same as `asynchronous`, and calls return values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from motia_fast.state_store.operations import updating
from motia_fast.state_store.values import PAGE, change_of, check_name, checked, deleting, maybe, setting, value_of

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from motia_fast.contract import StateItem
    from motia_fast.session import SyncSession
    from motia_fast.state_store.values import Change

T = TypeVar("T")


class SyncStateManager:
    """As `StateManager`, blocking."""

    __slots__ = ("_find",)

    def __init__(self, session: Callable[[], SyncSession]) -> None:
        """As `StateManager`."""
        self._find = session

    @overload
    def get(self, group: str, key: str, default: Any = None) -> Any: ...
    @overload
    def get(self, group: str, key: str, default: T | None = None, *, as_: type[T]) -> T | None: ...
    def get(self, group: str, key: str, default: Any = None, *, as_: Any = None) -> Any:
        """As `StateManager.get`."""
        checked(group, key)
        item = self._find().get(group, key)
        return default if item is None else value_of(item, group, as_)

    def version(self, group: str, key: str) -> int:
        """As `StateManager.version`."""
        checked(group, key)
        item = self._find().get(group, key)
        return 0 if item is None else item.version

    def set(
        self,
        group: str,
        key: str,
        value: Any,
        *,
        ttl: float | timedelta | None = None,
        expected_version: int | None = None,
    ) -> Change:
        """As `StateManager.set`."""
        write = setting(group, key, value, ttl=ttl, expected_version=expected_version)
        return change_of(self._find().write([write]).changes[0])

    def delete(self, group: str, key: str, *, expected_version: int | None = None) -> Any:
        """As `StateManager.delete`."""
        return maybe(self._find().write([deleting(group, key, expected_version)]).changes[0].old)

    def update(
        self, group: str, key: str, operations: Sequence[Mapping[str, Any]], *, expected_version: int | None = None
    ) -> Change:
        """As `StateManager.update`."""
        write = updating(group, key, operations, expected_version)
        return change_of(self._find().write([write]).changes[0])

    def list(self, group: str, *, as_: Any = None) -> builtins.list[Any]:
        """As `StateManager.list`."""
        return [value_of(item, group, as_) for item in self._page(group)]

    def items(self, group: str, limit: int | None = None, after: str | None = None) -> builtins.list[tuple[str, Any]]:
        """As `StateManager.items`."""
        return [(item.key, value_of(item, group, None)) for item in self._page(group, limit, after)]

    def keys(self, group: str) -> builtins.list[str]:
        """As `StateManager.keys`."""
        return [item.key for item in self._page(group)]

    def scan(self, group: str) -> Iterator[tuple[str, Any]]:
        """As `StateManager.scan`, for an ordinary `for`."""
        page = self._page(group, PAGE)
        while page:
            following = self._page(group, PAGE, page[-1].key) if len(page) == PAGE else []
            for item in page:
                yield item.key, value_of(item, group, None)
            page = following

    def list_groups(self) -> builtins.list[str]:
        """As `StateManager.list_groups`."""
        session = self._find()
        return [name for name, _ in session.read(session.engine.state.groups)]

    def clear(self, group: str) -> int:
        """As `StateManager.clear`."""
        check_name("group", group)
        return self._find().clear(group)

    # As Motia spells them.
    get_group = list  # noqa: A003 -- this class has a `list` of its own
    getGroup = list  # noqa: A003, N815 -- Motia
    listGroups = list_groups  # noqa: N815 -- Motia

    def _page(self, group: str, limit: int | None = None, after: str | None = None) -> builtins.list[StateItem]:
        check_name("group", group)
        session = self._find()
        return session.read(lambda: session.engine.state.items(group, limit, after))
