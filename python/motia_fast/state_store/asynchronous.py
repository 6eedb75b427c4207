"""State for code on the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from motia_fast.state_store.operations import updating
from motia_fast.state_store.values import PAGE, change_of, check_name, checked, deleting, maybe, setting, value_of

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import timedelta

    from motia_fast.contract import StateItem
    from motia_fast.session import Session
    from motia_fast.state_store.values import Change

T = TypeVar("T")


class StateManager:
    """Groups of JSON values by key. Groups and keys are strings of 1 to 512 bytes; values have up to 1 MiB as JSON.

    Every read returns fresh objects, and sees every write made before it in this process. Every method raises
    `ValidationFailed` for a wrong group or key and `EngineStopped` after a failed disk; those that write also raise
    `ContextClosed` after the run's timeout, `PayloadTooLarge` and `DiskLow`.
    """

    __slots__ = ("_find",)

    def __init__(self, session: Callable[[], Session]) -> None:
        """`session` gives the way to the engine, each time; it may raise where there is none."""
        self._find = session

    @overload
    async def get(self, group: str, key: str, default: Any = None) -> Any: ...
    @overload
    async def get(self, group: str, key: str, default: T | None = None, *, as_: type[T]) -> T | None: ...
    async def get(self, group: str, key: str, default: Any = None, *, as_: Any = None) -> Any:
        """The value, or `default`. `as_` is a pydantic model or another type to validate it as (`ValidationFailed`)."""
        checked(group, key)
        item = await self._find().get(group, key)
        return default if item is None else value_of(item, group, as_)

    async def version(self, group: str, key: str) -> int:
        """The version of the item, for `expected_version=`; 0 if it is not there."""
        checked(group, key)
        item = await self._find().get(group, key)
        return 0 if item is None else item.version

    async def set(
        self,
        group: str,
        key: str,
        value: Any,
        *,
        ttl: float | timedelta | None = None,
        expected_version: int | None = None,
    ) -> Change:
        """Sets the value; with `ttl` (seconds) it goes again by itself.

        `expected_version` makes the write conditional: `VersionConflict` unless the item has it (0: is not there).
        """
        write = setting(group, key, value, ttl=ttl, expected_version=expected_version)
        written = await self._find().write([write])
        return change_of(written.changes[0])

    async def delete(self, group: str, key: str, *, expected_version: int | None = None) -> Any:
        """Deletes the item; returns the value that it had, or None."""
        written = await self._find().write([deleting(group, key, expected_version)])
        return maybe(written.changes[0].old)

    async def update(
        self, group: str, key: str, operations: Sequence[Mapping[str, Any]], *, expected_version: int | None = None
    ) -> Change:
        """Applies operations to the value, all of them or none: ``[{"type": "increment", "path": "count", "by": 2}]``.

        Types are "set", "merge", "increment", "decrement", "append" and "remove". `path` is one literal key, a list of
        keys and indexes, or absent for the value itself. Raises `UpdateRefused` where one does not fit.
        """
        written = await self._find().write([updating(group, key, operations, expected_version)])
        return change_of(written.changes[0])

    async def list(self, group: str, *, as_: Any = None) -> builtins.list[Any]:
        """The values of a group, in the order in which their keys were first set."""
        return [value_of(item, group, as_) for item in await self._page(group)]

    async def items(
        self, group: str, limit: int | None = None, after: str | None = None
    ) -> builtins.list[tuple[str, Any]]:
        """The (key, value) pairs of a group, in the same order: up to `limit` of those after the key `after`."""
        return [(item.key, value_of(item, group, None)) for item in await self._page(group, limit, after)]

    async def keys(self, group: str) -> builtins.list[str]:
        """The keys of a group, in the same order."""
        return [item.key for item in await self._page(group)]

    async def scan(self, group: str) -> AsyncIterator[tuple[str, Any]]:
        """The (key, value) pairs of a group of any size, in the same order; the loop may delete what it has seen."""
        page = await self._page(group, PAGE)
        while page:
            # Read before this page is handed out: the loop may delete the key after which the next page begins.
            following = await self._page(group, PAGE, page[-1].key) if len(page) == PAGE else []
            for item in page:
                yield item.key, value_of(item, group, None)
            page = following

    async def list_groups(self) -> builtins.list[str]:
        """The names of the groups that have items."""
        session = self._find()
        return [name for name, _ in await session.read(session.engine.state.groups)]

    async def clear(self, group: str) -> int:
        """Deletes all items of a group; returns their number."""
        check_name("group", group)
        return await self._find().clear(group)

    # As Motia spells them.
    get_group = list  # noqa: A003 -- this class has a `list` of its own
    getGroup = list  # noqa: A003, N815 -- Motia
    listGroups = list_groups  # noqa: N815 -- Motia

    async def _page(self, group: str, limit: int | None = None, after: str | None = None) -> builtins.list[StateItem]:
        check_name("group", group)
        session = self._find()
        return await session.read(lambda: session.engine.state.items(group, limit, after))
