"""Random lives of the state, with a cache that is far too small and a disk that may be slow, against plain dicts."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from motia_fast.clock import micros
from motia_fast.contract import StateItem, StateWrite, UpdateOp
from motia_fast.errors import VersionConflict
from tests.contract.disk import Disk
from tests.contract.engines import ENGINES, Name
from tests.contract.rig import Rig
from tests.contract.verbs import DEADLINE, item, write

if TYPE_CHECKING:
    from motia_fast.contract import Engine

SOAK = bool(os.environ.get("MOTIA_FAST_SOAK"))
GROUPS, KEYS = ("g", "h"), ("a", "b", "c", "d")
ONE = (UpdateOp("increment", (), b"1"),)
PADDING = "." * 100

group = st.sampled_from(GROUPS)
key = st.sampled_from(KEYS)
ttl = st.sampled_from([None, None, 5.0, 60.0])


class Known(NamedTuple):
    """What the model knows of an item."""

    value: bytes
    version: int
    expires: int | None


class StateLife(RuleBasedStateMachine):
    """Groups are dicts: their order is that of the first set, as the contract's is."""

    engine_name: ClassVar[Name]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.rig = Rig(self.engine_name, self.folder / "data")
        self.disk = Disk()
        self.groups: dict[str, dict[str, Known]] = {name: {} for name in GROUPS}

    @initialize(cache=st.sampled_from([0, 800, 1_000_000]))
    def open(self, cache: int) -> None:
        self.options: dict[str, Any] = {"disk": self.disk, "state_cache_bytes": cache}
        self.engine: Engine = self.rig.open(**self.options)

    # ------------------------------------------------------------ rules

    @rule(group=group, key=key, number=st.integers(0, 9), ttl=ttl, expected=st.sampled_from([None, None, 0, 1, 2]))
    def set(self, group: str, key: str, number: int, ttl: float | None, expected: int | None) -> None:
        value = json.dumps(PADDING + str(number)).encode()
        self._write(StateWrite(group, key, value, ttl=ttl, expected_version=expected))

    @rule(group=group, key=key)
    def count(self, group: str, key: str) -> None:
        """An update makes the item if there is none."""
        known = self.groups[group].get(key)
        if known is None or known.value.isdigit():
            self._write(StateWrite(group, key, ops=ONE))

    @rule(group=group, key=key)
    def delete(self, group: str, key: str) -> None:
        self._write(StateWrite(group, key, delete=True))

    @rule(group=group, keys=st.lists(key, min_size=2, max_size=4), conflict=st.booleans())
    def set_several(self, group: str, keys: list[str], conflict: bool) -> None:
        writes = [StateWrite(group, each, b"%d" % number) for number, each in enumerate(keys)]
        self._write(*writes, *([StateWrite(group, "a", b"0", expected_version=99)] if conflict else []))

    def _write(self, *writes: StateWrite) -> None:
        expected = self._expected(writes)
        if expected is None:
            with pytest.raises(VersionConflict):
                write(self.engine, *writes)
            return
        written = write(self.engine, *writes)
        assert [(change.old, change.new) for change in written.changes] == expected
        self._durable(written.commit)

    def _expected(self, writes: tuple[StateWrite, ...]) -> list[tuple[bytes | None, bytes | None]] | None:
        """Applies writes to the model, all or none; returns what each changes, None for a conflict."""
        groups = {name: dict(items) for name, items in self.groups.items()}
        changes: list[tuple[bytes | None, bytes | None]] = []
        for each in writes:
            old = groups[each.group].pop(each.key, None) if each.delete else groups[each.group].get(each.key)
            if each.expected_version not in (None, old.version if old else 0):
                return None
            new = None if each.delete else self._new(each, old)
            if new is not None:
                groups[each.group][each.key] = new
            changes.append((old.value if old else None, new.value if new else None))
        self.groups = groups
        return changes

    def _new(self, each: StateWrite, old: Known | None) -> Known:
        version = old.version + 1 if old else 1
        if each.value is None:
            number = int(old.value) + 1 if old else 1
            return Known(b"%d" % number, version, old.expires if old else None)
        expires = None if each.ttl is None else self.rig.clock.now() + micros(each.ttl)
        return Known(each.value, version, expires)

    @rule(group=group)
    def clear(self, group: str) -> None:
        commit, count = self.engine.state.clear(group)
        assert count == len(self.groups[group])
        self.groups[group] = {}
        self._durable(commit)

    @rule(seconds=st.sampled_from([1.0, 5.0, 60.0]))
    def advance(self, seconds: float) -> None:
        self.rig.clock.advance(seconds)
        self.engine.tick()
        now = self.rig.clock.now()
        for items in self.groups.values():
            for key in [key for key, known in items.items() if known.expires is not None and known.expires <= now]:
                del items[key]

    @rule()
    def hold_the_disk(self) -> None:
        self.disk.hold()

    @precondition(lambda self: self.disk.is_held)
    @rule()
    def let_the_disk_go(self) -> None:
        self.disk.let_go()
        self._durable(self.engine.committed)

    def _durable(self, commit: int) -> None:
        assert self.disk.is_held or self.engine.wait(commit, DEADLINE)

    @rule()
    def reopen(self) -> None:
        self.disk.let_go()
        self.engine = self.rig.reopen(**self.options)

    @rule()
    def crash(self) -> None:
        self.disk.let_go()
        self.engine = self.rig.crash(**self.options)

    @rule(group=group, limit=st.integers(1, 3))
    def page(self, group: str, limit: int) -> None:
        found: list[str] = []
        while page := self.engine.state.items(group, limit, found[-1] if found else None):
            assert len(page) <= limit
            found += [each.key for each in page]
        assert found == list(self.groups[group])

    # ------------------------------------------------------------ invariants

    @invariant()
    def every_read_sees_every_write(self) -> None:
        for name, items in self.groups.items():
            for key in KEYS:
                known = items.get(key)
                expected = None if known is None else StateItem(key, known.value, known.version)
                assert item(self.engine, name, key) == expected

    @invariant()
    def lists_see_every_write_in_order(self) -> None:
        for name, items in self.groups.items():
            assert self.engine.state.items(name) == [
                StateItem(key, known.value, known.version) for key, known in items.items()
            ]
        counted = [(name, len(items)) for name, items in sorted(self.groups.items()) if items]
        assert self.engine.state.groups() == counted

    @override
    def teardown(self) -> None:
        try:
            self.disk.let_go()
            if hasattr(self, "engine"):
                self.rig.close()
        finally:
            self.rig.end()
            shutil.rmtree(self.folder)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.timeout(1_800)
def test_a_random_life_of_the_state_keeps_every_promise(name: Name) -> None:
    life = type("StateLife", (StateLife,), {"engine_name": name})
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=2_000 if SOAK else 30,
            stateful_step_count=60 if SOAK else 30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
