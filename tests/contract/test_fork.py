"""A forked child cannot use the engine, and cannot harm it."""

from __future__ import annotations

import os
import signal

import pytest

from motia_fast.errors import DataDirLocked
from tests.contract.rig import Rig
from tests.contract.verbs import ids, message, sub, take


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("enqueue", ([message()],)),
        ("claim", ("worker", "async", 1)),
        ("settle", ([],)),
        ("wait", (1, 0.0)),
        ("state.get", ("group", "key")),
        ("state.items", ("group",)),
        ("inspect.jobs", ()),
        ("dead.list", ()),
        ("tick", ()),
        ("stats", ()),
    ],
)
def test_a_forked_child_that_uses_the_engine_gets_engine_forked(
    rig: Rig, verb: str, arguments: tuple[object, ...]
) -> None:
    process = rig.start(sub())
    assert process.call("fork", verb, *arguments) == "EngineForked"


def test_a_forked_child_may_close_the_engine_without_harm(rig: Rig) -> None:
    process = rig.start(sub())
    assert process.call("fork", "close") in {"", "EngineForked"}
    process.put(message())
    with pytest.raises(DataDirLocked):
        rig.open()


def test_the_parent_keeps_its_lock_and_its_engine_when_a_child_ends(rig: Rig) -> None:
    process = rig.start(sub())
    process.put(message(1))
    assert process.call("exit_in_a_child") == 0
    with pytest.raises(DataDirLocked):
        rig.open()
    process.put(message(2))
    process.kill()
    assert [job.payload for job in take(rig.open(sub()))] == [b"1", b"2"]


def test_an_orphaned_child_of_a_killed_parent_does_not_hold_the_directory(rig: Rig) -> None:
    process = rig.start(sub())
    sent = process.put(message())
    child = process.call("orphan")
    try:
        process.kill()
        engine = rig.open(sub(), lock_wait=30.0)  # the child may not have come to its hook when its parent dies
        assert tuple(ids(take(engine))) == sent.receipts[0].job_ids
        os.kill(child, 0)  # it lives on all the while
    finally:
        os.kill(child, signal.SIGKILL)
