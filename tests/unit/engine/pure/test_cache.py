"""The cache of state items: what leaves it when it is full."""

from __future__ import annotations

from motia_fast.engine.pure.state import Cache, Item

#: A key of the tests costs 200 bytes by itself, 3 for its names and 97 for its value.
COST = 300


def full(count: int) -> Cache:
    """A cache that holds exactly the items 00, 01 .. of group "g"."""
    cache = Cache(count * COST)
    for number in range(count):
        put(cache, f"{number:02}")
    return cache


def put(cache: Cache, key: str) -> None:
    cache.put(("g", key), Item(1, b"x" * 97, 1, None))


def kept(cache: Cache, count: int) -> list[str]:
    return [f"{number:02}" for number in range(count) if cache.find(("g", f"{number:02}")) is not None]


def test_a_full_cache_keeps_everything() -> None:
    cache = full(4)
    cache.evict()
    assert kept(cache, 4) == ["00", "01", "02", "03"]


def test_what_was_not_used_for_longest_goes_first_and_no_more_than_must() -> None:
    cache = full(4)
    cache.find(("g", "00"))
    put(cache, "04")
    cache.evict()
    assert kept(cache, 5) == ["00", "02", "03", "04"]


def test_what_is_dirty_or_asked_for_stays() -> None:
    cache = full(4)
    cache.touch(("g", "00"), 1)
    put(cache, "04")
    cache.evict(keep={("g", "01")})
    assert kept(cache, 5) == ["00", "01", "03", "04"]


def test_a_cache_from_which_something_went_is_not_complete_any_more() -> None:
    cache = full(4)
    cache.complete = True
    cache.evict()
    assert (cache.complete, cache.changes) == (True, 0)
    put(cache, "04")
    cache.evict()
    assert (cache.complete, cache.changes) == (False, 1)
