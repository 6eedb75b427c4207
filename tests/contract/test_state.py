"""State: groups of JSON values by key, with versions, whole commits and a bounded memory."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

import pytest

from motia_fast.contract import COLD, StateChange, StateItem, StateWrite
from motia_fast.errors import DiskLow, PayloadTooLarge, VersionConflict
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import item, quiet, set_state, value, write

if TYPE_CHECKING:
    from motia_fast.clock import ManualClock
    from motia_fast.contract import Engine


def keys(engine: Engine, group: str, limit: int | None = None, after: str | None = None) -> list[str]:
    return [each.key for each in engine.state.items(group, limit, after)]


def delete(engine: Engine, group: str, key: str) -> StateChange:
    (change,) = write(engine, StateWrite(group, key, delete=True)).changes
    return change


# ---------------------------------------------------------------- get and write


def test_get_of_what_is_not_there_is_none(engine: Engine) -> None:
    assert item(engine, "orders", "1") is None


def test_a_write_returns_what_was_and_what_is(engine: Engine) -> None:
    first = set_state(engine, "orders", "1", {"a": 1})
    second = set_state(engine, "orders", "1", {"a": 2})
    assert first.changes == (StateChange("orders", "1", None, b'{"a": 1}', 1),)
    assert second.changes == (StateChange("orders", "1", b'{"a": 1}', b'{"a": 2}', 2),)
    assert second.commit > first.commit


def test_versions_start_at_1_and_rise_by_1(engine: Engine) -> None:
    for version in range(1, 6):
        set_state(engine, "orders", "1", version)
        assert item(engine, "orders", "1") == StateItem("1", b"%d" % version, version)


def test_a_value_comes_back_as_the_bytes_that_went_in(rig: Rig) -> None:
    engine = rig.open()
    raw = '{ "é" : 1.50, "n":null }'.encode()
    engine.wait(write(engine, StateWrite("g", "k", raw)).commit)
    engine = rig.reopen()
    found = item(engine, "g", "k")
    assert found is not None
    assert found.value == raw


def test_groups_keep_their_keys_apart(engine: Engine) -> None:
    set_state(engine, "a", "k", 1)
    set_state(engine, "b", "k", 2)
    assert (value(engine, "a", "k"), value(engine, "b", "k")) == (1, 2)


def test_reads_see_writes_that_are_not_durable_yet(rig: Rig, disk: Disk) -> None:
    engine = rig.open(disk=disk)
    engine.wait(set_state(engine, "orders", "gone", 1).commit)
    with disk.held():
        set_state(engine, "orders", "new", 2)
        delete(engine, "orders", "gone")
        set_state(engine, "others", "x", 3)
        disk.wait_for_group()
        assert value(engine, "orders", "new") == 2
        assert item(engine, "orders", "gone") is None
        assert keys(engine, "orders") == ["new"]
        assert engine.state.groups() == [("orders", 1), ("others", 1)]


def test_a_delete_returns_what_was(engine: Engine) -> None:
    set_state(engine, "orders", "1", "x")
    change = delete(engine, "orders", "1")
    assert (change.old, change.new) == (b'"x"', None)
    assert item(engine, "orders", "1") is None


def test_a_delete_of_nothing_changes_nothing(engine: Engine) -> None:
    change = delete(engine, "orders", "1")
    assert (change.old, change.new) == (None, None)
    assert engine.state.groups() == []


def test_an_item_that_was_deleted_can_be_made_again(engine: Engine) -> None:
    set_state(engine, "orders", "1", "first")
    delete(engine, "orders", "1")
    assert set_state(engine, "orders", "1", "second", expected_version=0).changes[0].old is None
    assert value(engine, "orders", "1") == "second"


def test_all_writes_of_a_call_are_one_commit(engine: Engine) -> None:
    set_state(engine, "g", "a", 1)
    before = engine.committed
    written = write(engine, StateWrite("g", "a", b"2"), StateWrite("g", "b", b"3"), StateWrite("g", "c", b"4"))
    assert written.commit == engine.committed == before + 1
    assert [change.key for change in written.changes] == ["a", "b", "c"]


def test_writes_of_a_call_see_each_other(engine: Engine) -> None:
    written = write(engine, StateWrite("g", "a", b"1"), StateWrite("g", "a", b"2"), StateWrite("g", "a", delete=True))
    assert [(change.old, change.new) for change in written.changes] == [(None, b"1"), (b"1", b"2"), (b"2", None)]
    assert item(engine, "g", "a") is None


def test_state_survives_a_restart(rig: Rig) -> None:
    engine = rig.open()
    set_state(engine, "g", "a", 1)
    set_state(engine, "g", "a", 2)
    set_state(engine, "g", "b", 3)
    delete(engine, "g", "b")
    engine = rig.reopen()
    assert item(engine, "g", "a") == StateItem("a", b"2", 2)
    assert item(engine, "g", "b") is None


# ---------------------------------------------------------------- versions


def test_an_expected_version_that_is_not_there_raises_version_conflict(engine: Engine) -> None:
    set_state(engine, "orders", "1", "old")
    with pytest.raises(VersionConflict) as raised:
        set_state(engine, "orders", "1", "new", expected_version=2)
    conflict = raised.value
    assert (conflict.group, conflict.key, conflict.expected, conflict.found) == ("orders", "1", 2, 1)
    assert value(engine, "orders", "1") == "old"


def test_an_expected_version_that_is_there_writes(engine: Engine) -> None:
    set_state(engine, "orders", "1", "old")
    assert set_state(engine, "orders", "1", "new", expected_version=1).changes[0].version == 2


def test_version_0_expects_that_the_item_does_not_exist(engine: Engine) -> None:
    set_state(engine, "orders", "1", "first", expected_version=0)
    with pytest.raises(VersionConflict):
        set_state(engine, "orders", "1", "second", expected_version=0)


def test_an_expected_version_of_an_item_that_does_not_exist_conflicts_with_0(engine: Engine) -> None:
    with pytest.raises(VersionConflict) as raised:
        set_state(engine, "orders", "1", "x", expected_version=3)
    assert raised.value.found == 0


def test_a_delete_checks_the_version_too(engine: Engine) -> None:
    set_state(engine, "orders", "1", "x")
    with pytest.raises(VersionConflict):
        write(engine, StateWrite("orders", "1", delete=True, expected_version=9))
    write(engine, StateWrite("orders", "1", delete=True, expected_version=1))
    assert item(engine, "orders", "1") is None


def test_one_conflict_keeps_all_writes_of_the_call_out(engine: Engine) -> None:
    set_state(engine, "g", "a", "old")
    before = engine.committed
    with pytest.raises(VersionConflict):
        write(
            engine,
            StateWrite("g", "a", b'"new"'),
            StateWrite("g", "b", b'"new"'),
            StateWrite("g", "c", b'"new"', expected_version=5),
        )
    assert engine.committed == before
    assert item(engine, "g", "a") == StateItem("a", b'"old"', 1)
    assert keys(engine, "g") == ["a"]


# ---------------------------------------------------------------- limits


def test_a_value_over_the_limit_is_refused(rig: Rig) -> None:
    engine = rig.open(max_value=100)
    write(engine, StateWrite("g", "fits", b"1" * 100))
    with pytest.raises(PayloadTooLarge):
        write(engine, StateWrite("g", "fits", b"2"), StateWrite("g", "big", b"1" * 101))
    assert keys(engine, "g") == ["fits"]
    assert value(engine, "g", "fits") == int("1" * 100)


@pytest.mark.parametrize(("group", "key"), [("g", "é" * 257), ("é" * 257, "k")])
def test_a_key_or_group_over_512_bytes_is_refused(engine: Engine, group: str, key: str) -> None:
    with pytest.raises(PayloadTooLarge, match="512"):
        set_state(engine, group, key, 1)
    assert engine.state.groups() == []


def test_keys_and_groups_of_512_bytes_are_taken(engine: Engine) -> None:
    set_state(engine, "é" * 256, "k" * 512, 1)
    assert value(engine, "é" * 256, "k" * 512) == 1


def test_below_the_disk_limit_writes_are_refused(rig: Rig) -> None:
    engine = rig.open(min_free_disk=1 << 62)
    with pytest.raises(DiskLow):
        set_state(engine, "g", "k", 1)
    assert engine.state.groups() == []


# ---------------------------------------------------------------- time to live


def test_an_item_is_gone_when_its_time_is_over(engine: Engine, clock: ManualClock) -> None:
    set_state(engine, "g", "brief", 1, ttl=60.0)
    set_state(engine, "g", "lasting", 2)
    quiet(engine)
    assert engine.next_due() == pytest.approx(60.0)
    clock.advance(59.0)
    engine.tick()
    assert value(engine, "g", "brief") == 1
    clock.advance(1.0)
    engine.tick()
    assert item(engine, "g", "brief") is None
    assert keys(engine, "g") == ["lasting"]
    assert engine.state.groups() == [("g", 1)]


def test_an_item_whose_time_is_over_counts_as_not_existing(engine: Engine, clock: ManualClock) -> None:
    set_state(engine, "g", "k", 1, ttl=60.0)
    clock.advance(60.0)
    engine.tick()
    assert set_state(engine, "g", "k", 2, expected_version=0).changes[0].old is None


def test_a_set_without_a_time_keeps_the_item_for_good(engine: Engine, clock: ManualClock) -> None:
    set_state(engine, "g", "k", 1, ttl=60.0)
    set_state(engine, "g", "k", 2)
    clock.advance(3_600.0)
    engine.tick()
    assert value(engine, "g", "k") == 2


def test_a_time_to_live_goes_on_over_a_restart(rig: Rig) -> None:
    engine = rig.open()
    set_state(engine, "g", "k", 1, ttl=60.0)
    rig.clock.advance(40.0)
    engine = rig.reopen()
    engine.tick()
    assert value(engine, "g", "k") == 1
    rig.clock.advance(20.0)
    engine.tick()
    assert item(engine, "g", "k") is None


# ---------------------------------------------------------------- items, groups, clear


def test_items_come_in_the_order_in_which_they_were_first_set(engine: Engine) -> None:
    for key in ("c", "a", "b"):
        set_state(engine, "g", key, 1)
    set_state(engine, "g", "c", 2)
    assert [(each.key, each.value) for each in engine.state.items("g")] == [("c", b"2"), ("a", b"1"), ("b", b"1")]


def test_items_keep_their_order_over_a_restart(rig: Rig) -> None:
    engine = rig.open()
    for key in ("c", "a", "b"):
        set_state(engine, "g", key, 1)
    engine = rig.reopen()
    set_state(engine, "g", "a", 2)
    set_state(engine, "g", "0", 1)
    assert keys(engine, "g") == ["c", "a", "b", "0"]


def test_an_item_that_was_deleted_and_set_again_is_the_last(engine: Engine) -> None:
    for key in ("a", "b"):
        set_state(engine, "g", key, 1)
    delete(engine, "g", "a")
    set_state(engine, "g", "a", 2)
    assert keys(engine, "g") == ["b", "a"]


def test_items_come_in_pages(rig: Rig, disk: Disk) -> None:
    engine = rig.open(disk=disk)
    names = [f"key {n}" for n in range(10)]
    for key in names[:6]:
        set_state(engine, "g", key, 1)
    engine.wait(engine.committed)
    with disk.held():  # pages cross from what is on the disk to what is not
        for key in names[6:]:
            set_state(engine, "g", key, 1)
        pages = [keys(engine, "g", 4), keys(engine, "g", 4, "key 3"), keys(engine, "g", 4, "key 7")]
    assert pages == [names[:4], names[4:8], names[8:]]
    assert keys(engine, "g", 0) == []


def test_groups_are_listed_by_name_with_the_number_of_their_items(engine: Engine) -> None:
    for group, key in (("b", "1"), ("a", "1"), ("b", "2"), ("c", "1")):
        set_state(engine, group, key, 1)
    delete(engine, "c", "1")
    assert engine.state.groups() == [("a", 1), ("b", 2)]


def test_clear_deletes_a_whole_group_and_no_other(rig: Rig) -> None:
    engine = rig.open()
    for group, key in (("g", "1"), ("g", "2"), ("h", "1")):
        set_state(engine, group, key, 1)
    before = engine.committed
    commit, deleted = engine.state.clear("g")
    assert (commit, deleted) == (before + 1, 2)
    assert keys(engine, "g") == []
    assert item(engine, "g", "1") is None
    engine = rig.reopen()
    assert engine.state.groups() == [("h", 1)]


def test_clear_of_an_empty_group_deletes_nothing(engine: Engine) -> None:
    assert engine.state.clear("nothing")[1] == 0


def test_what_is_set_after_a_clear_stays(rig: Rig, disk: Disk) -> None:
    engine = rig.open(disk=disk)
    set_state(engine, "g", "old", 1)
    engine.wait(engine.committed)
    with disk.held():
        set_state(engine, "g", "pending", 1)
        assert engine.state.clear("g")[1] == 2
        set_state(engine, "g", "new", 2)
        assert keys(engine, "g") == ["new"]
    engine = rig.reopen()
    assert keys(engine, "g") == ["new"]


# ---------------------------------------------------------------- what is not in memory


def cold(rig: Rig) -> Engine:
    """A reopened engine that has room for a few values in memory, and 100 of 1 KiB in its file."""
    engine = rig.open(state_cache_bytes=8_192)
    for n in range(100):
        set_state(engine, "g", f"k{n}", "x" * 1_000)
    return rig.reopen(state_cache_bytes=8_192)


def test_a_read_that_would_touch_the_disk_says_that_it_is_cold(rig: Rig) -> None:
    engine = cold(rig)
    assert engine.state.get("g", "k50") is COLD


def test_after_load_a_read_answers(rig: Rig) -> None:
    engine = cold(rig)
    engine.state.load([("g", "k50"), ("g", "missing")])
    found = engine.state.get("g", "k50")
    assert isinstance(found, StateItem)
    assert found.version == 1
    assert engine.state.get("g", "missing") is None


def test_a_write_that_would_touch_the_disk_says_so_and_does_nothing(rig: Rig) -> None:
    engine = cold(rig)
    before = engine.committed
    assert engine.state.write([StateWrite("h", "warm", b"1"), StateWrite("g", "k50", b"1")]) is COLD
    assert engine.committed == before
    assert item(engine, "h", "warm") is None
    assert set_state(engine, "g", "k50", 1).changes[0].version == 2


def test_state_larger_than_memory_can_all_be_read(rig: Rig) -> None:
    engine = cold(rig)
    assert {value(engine, "g", f"k{n}") for n in range(100)} == {"x" * 1_000}
    assert len(engine.state.items("g")) == 100


def test_a_value_larger_than_the_whole_cache_can_be_read_and_written(rig: Rig) -> None:
    engine = rig.open(state_cache_bytes=1_000)
    set_state(engine, "g", "big", "x" * 10_000)
    engine = rig.reopen(state_cache_bytes=1_000)
    assert value(engine, "g", "big") == "x" * 10_000
    assert set_state(engine, "g", "big", "y" * 10_000).changes[0].version == 2


def test_a_cold_key_can_be_loaded_while_others_are_written(rig: Rig) -> None:
    engine = cold(rig)
    stop = threading.Event()

    def write_all_the_time() -> None:  # each commit pushes something out of memory
        for n in itertools.count():
            if stop.is_set():
                return
            engine.wait(set_state(engine, "busy", f"k{n % 1_000}", "y" * 1_000).commit)

    writer = threading.Thread(target=write_all_the_time)
    writer.start()
    try:
        assert [value(engine, "g", f"k{n}") for n in range(100)] == ["x" * 1_000] * 100
    finally:
        stop.set()
        writer.join(30)


def test_without_a_file_state_larger_than_the_cache_can_all_be_read_too(rig: Rig) -> None:
    engine = rig.open(durability="memory", state_cache_bytes=1_000)
    for n in range(100):
        set_state(engine, "g", f"k{n}", n)
    assert [value(engine, "g", f"k{n}") for n in range(100)] == list(range(100))
