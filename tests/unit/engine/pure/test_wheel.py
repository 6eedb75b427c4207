"""The wheel: what is scheduled comes out once, whatever moved the horizon and whenever the reader looked."""

from __future__ import annotations

from motia_fast.engine.pure.job import Record
from motia_fast.engine.pure.subscribed import Subscribed
from motia_fast.engine.pure.wheel import Wheel

LIMIT = 4
#: Later than all of them.
END = 1_000


def scheduled(*ids: int) -> list[Record]:
    """Jobs that are due at ten times their id, as the reader finds them."""
    subscribed = Subscribed(1, "work/jobs")
    return [Record(id_, id_, subscribed, 5, 0, b"", b"null", place=2, due=10 * id_) for id_ in ids]


def drained_half(count: int) -> Wheel:
    """A wheel that was given the jobs 1 to `count`, of which 1 to 4 are over, and the later ones in the store alone."""
    wheel = Wheel(LIMIT)
    for record in scheduled(*range(1, count + 1)):
        wheel.add(record)
    for record in wheel.due(10 * LIMIT, 0):
        wheel.forget(record.id)
    return wheel


def due(wheel: Wheel) -> list[int]:
    return [record.id for record in wheel.due(END, 0)]


def test_what_the_reader_found_is_due_in_order() -> None:
    wheel = drained_half(9)
    assert wheel.load(0) is not None
    wheel.loaded(scheduled(5, 6, 7, 8, 9), more=False)
    assert due(wheel) == [5, 6, 7, 8, 9]


def test_a_job_that_became_durable_after_the_reader_s_snapshot_is_not_passed_over() -> None:
    wheel = drained_half(9)
    assert wheel.load(0) is not None
    wheel.add(*scheduled(10))
    wheel.loaded(scheduled(5, 6, 7, 8, 9), more=False)
    assert due(wheel) == [5, 6, 7, 8, 9, 10]


def test_a_job_that_became_durable_before_the_reader_s_snapshot_comes_once() -> None:
    wheel = drained_half(9)
    assert wheel.load(0) is not None
    wheel.add(*scheduled(10))
    wheel.loaded(scheduled(5, 6, 7, 8, 9, 10), more=False)
    assert due(wheel) == [5, 6, 7, 8, 9, 10]


def test_jobs_that_leave_memory_before_the_reader_s_snapshot_come_once() -> None:
    wheel = drained_half(9)
    assert wheel.load(0) is not None
    subscribed = Subscribed(1, "work/jobs")
    for id_ in range(11, 11 + 2 * LIMIT + 1):  # sooner than what is in the store, and more than memory takes
        wheel.add(Record(id_, id_, subscribed, 5, 0, b"", b"null", place=2, due=30 + id_))
    assert len(wheel) == LIMIT
    wheel.loaded(
        [Record(id_, id_, subscribed, 5, 0, b"", b"null", place=2, due=30 + id_) for id_ in range(15, 20)], more=True
    )
    assert due(wheel) == [11, 12, 13, 14]
    assert wheel.load(END) is None  # as many of them as memory takes wait for places
    for id_ in range(11, 15):
        wheel.forget(id_)
    assert wheel.load(END) == (45, 15)


def test_a_job_whose_commit_is_not_published_comes_with_its_commit_alone() -> None:
    wheel = drained_half(9)
    assert wheel.load(0) is not None
    wheel.loaded(scheduled(5, 6, 7, 8, 9, 10), more=False, unpublished={10})
    wheel.add(*scheduled(10))
    assert due(wheel) == [5, 6, 7, 8, 9, 10]


def test_what_becomes_durable_during_a_load_is_bounded_and_comes() -> None:
    wheel = drained_half(9)
    assert wheel.load(0) is not None
    for record in scheduled(*range(10, 90)):
        wheel.add(record)
        assert len(wheel) <= 2 * LIMIT
    wheel.loaded(scheduled(5, 6, 7, 8, 9), more=False)
    came = due(wheel)
    assert came == list(range(5, came[-1] + 1))
    assert wheel.next_due(0, 0) is None or not wheel.empty  # the others wait in the store


def test_a_wall_that_is_set_forwards_brings_what_waits_in_the_store() -> None:
    wheel = Wheel(LIMIT)
    subscribed = Subscribed(1, "work/jobs")
    for id_ in range(1, 2 * LIMIT + 2):  # all of them by the elapsed clock, on which nothing passes
        wheel.add(Record(id_, id_, subscribed, 5, 0, b"", b"null", place=2, due=10 * id_, due_elapsed=10 * id_))
    assert wheel.load(0) is None
    assert wheel.next_due(END, 0) == 0
    assert wheel.load(END) == (50, 5)


def test_jobs_that_were_due_leave_nothing_behind() -> None:
    wheel = Wheel(LIMIT)
    for record in scheduled(1, 2):
        wheel.add(record)
    for record in wheel.due(END, 0):
        wheel.leave(record.id)
        wheel.forget(record.id)
    assert wheel.out == frozenset()
    assert wheel.empty
