"""What waits for its sync is bounded: beyond the bound the engine refuses, and keeps nothing of the call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from motia_fast.access import SyncAccess
from motia_fast.contract import Message
from motia_fast.errors import PendingFull
from tests.contract.disk import Disk
from tests.contract.rig import Rig
from tests.contract.verbs import done, ids, message, put_numbers, quiet, set_state, sub, take, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from motia_fast.contract import Engine


@pytest.fixture
def full(rig: Rig, disk: Disk) -> Iterator[Engine]:
    """An engine whose ten pending operations wait for a disk that does not answer, until the test is over."""
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    quiet(engine)
    with disk.held():
        fill(engine)
        yield engine


def fill(engine: Engine) -> None:
    for _ in range(10):
        engine.enqueue([message()])


def test_an_enqueue_beyond_the_bound_of_operations_raises_pending_full_and_keeps_nothing(full: Engine) -> None:
    before = full.committed
    assert full.stats().pending_operations == 10
    with pytest.raises(PendingFull):
        full.enqueue([message()])
    assert full.committed == before
    assert len(full.inspect.jobs()) == 10


def test_a_call_that_fits_in_part_is_refused_whole(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    quiet(engine)
    with disk.held():
        engine.enqueue([message(n) for n in range(6)])
        with pytest.raises(PendingFull):
            engine.enqueue([message(n) for n in range(6)])
        assert len(engine.inspect.jobs()) == 6
        engine.enqueue([message(n) for n in range(4)])


def test_a_bound_of_bytes_holds_as_well(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_bytes=100_000)
    quiet(engine)
    with disk.held():
        engine.enqueue([Message("jobs", b"x" * 60_000)])
        assert engine.stats().pending_bytes >= 60_000
        with pytest.raises(PendingFull):
            engine.enqueue([Message("jobs", b"x" * 60_000)])
        engine.enqueue([Message("jobs", b"x" * 20_000)])


def test_state_writes_count_and_are_refused(full: Engine) -> None:
    with pytest.raises(PendingFull):
        set_state(full, "group", "key", 1)
    assert full.state.items("group") == []


def test_settles_that_wait_for_their_sync_count_too(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    put_numbers(engine, 10)
    jobs = take(engine)
    with disk.held():
        engine.settle(done(jobs))
        with pytest.raises(PendingFull):
            engine.enqueue([message()])


def test_parked_messages_count_too(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    with disk.held():
        engine.enqueue([message(n, "nowhere") for n in range(10)])
        with pytest.raises(PendingFull):
            engine.enqueue([message(10, "nowhere")])
    assert len(engine.inspect.parked()) == 10


def test_there_is_room_again_once_the_disk_has_answered(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    quiet(engine)
    with disk.held():
        fill(engine)
    engine.wait(engine.committed)
    until(lambda: engine.stats().pending_operations == 0)
    fill(engine)
    engine.wait(engine.committed)
    assert len(take(engine)) == 20


def test_a_call_larger_than_the_whole_bound_is_taken_when_nothing_else_is_pending(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    quiet(engine)
    with disk.held():
        sent = engine.enqueue([message(n) for n in range(50)])
        with pytest.raises(PendingFull):
            engine.enqueue([message()])
    engine.wait(sent.commit)
    assert ids(take(engine)) == [job for receipt in sent.receipts for job in receipt.job_ids]


def test_the_blocking_layer_above_waits_for_room(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    access = SyncAccess(engine)
    for n in range(200):
        access.call(partial(engine.enqueue, [message(n)]))
    access.durable(engine.committed)
    assert [job.payload for job in take(engine)] == [b"%d" % n for n in range(200)]


def test_claims_go_on_while_pending_is_full(rig: Rig, disk: Disk) -> None:
    engine = rig.open(sub(), disk=disk, pending_operations=10)
    jobs = put_numbers(engine, 3)
    with disk.held():
        fill(engine)
        assert ids(take(engine)) == jobs
