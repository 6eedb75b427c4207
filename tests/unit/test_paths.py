"""How paths are written, and which cannot stand beside each other."""

import pytest

from motia_fast.errors import Mistake
from motia_fast.paths import RESERVED, Declared, PathError, Segment, check_routes, parse, split


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", ()),
        ("/orders", (Segment("orders"),)),
        ("/orders/", (Segment("orders"),)),
        ("/orders/:id", (Segment("orders"), Segment("id", "parameter"))),
        ("/orders/{id}", (Segment("orders"), Segment("id", "parameter"))),
        ("/:a/{b}/*c", (Segment("a", "parameter"), Segment("b", "parameter"), Segment("c", "rest"))),
        ("/*rest", (Segment("rest", "rest"),)),
        ("/café/a:b/.well-known", (Segment("café"), Segment("a:b"), Segment(".well-known"))),
        ("/:größe", (Segment("größe", "parameter"),)),
    ],
)
def test_a_path_is_read_into_segments(path: str, segments: tuple[Segment, ...]) -> None:
    assert parse(path).segments == segments
    assert parse(path).text == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", 'begins with "/"'),
        ("orders", 'begins with "/"'),
        (None, 'begins with "/"'),
        (17, 'begins with "/"'),
        ("//", "empty segment"),
        ("/a//b", "empty segment"),
        ("/a?b=1", "query parameters"),
        ("/a#b", "fragments"),
        ("/a%20b", "decoded"),
        ("/a b", "blank"),
        ("/a\nb", "control"),
        ("/:", 'whose name ""'),
        ("/{}", 'whose name ""'),
        ("/*", 'whose name ""'),
        ("/:1st", 'whose name "1st"'),
        ("/:a-b", 'whose name "a-b"'),
        ("/{a b}", "blank"),
        ("/{id}.json", "whole segment"),
        ("/a*", "whole segment"),
        ("/a/{id", "whole segment"),
        ("/*rest/more", 'after its "\\*"'),
        ("/:id/:id", 'two parameters named "id"'),
        ("/:id/{id}", 'two parameters named "id"'),
        ("/:id/*id", 'two parameters named "id"'),
    ],
)
def test_a_bad_path_says_why(path: object, why: str) -> None:
    with pytest.raises(PathError, match=why):
        parse(path)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/a/:id", "/a/{key}", True),
        ("/a", "/a/", True),
        ("/a/*x", "/a/*y", True),
        ("/a/:id", "/a/id", False),
        ("/a/*x", "/a/:x", False),
        ("/a", "/A", False),
    ],
)
def test_two_paths_have_one_shape_if_they_take_the_same_requests(one: str, other: str, same: bool) -> None:
    assert (parse(one).shape == parse(other).shape) is same


@pytest.mark.parametrize(
    ("path", "segments"),
    [("/", []), ("/a", ["a"]), ("/a/", ["a"]), ("/a//", ["a", ""]), ("/a//b", ["a", "", "b"]), ("//", [""]), ("*", [])],
)
def test_a_requested_path_is_split_at_its_slashes(path: str, segments: list[str]) -> None:
    assert split(path) == segments


def test_names_are_listed_from_left_to_right() -> None:
    assert parse("/a/:b/c/{d}/*e").names == ("b", "d", "e")


# ---------------------------------------------------------------- routes


def test_routes_that_differ_in_method_shape_or_kind_stand_beside_each_other() -> None:
    paths = ["/", "/:page", "/*all", "/orders", "/orders/:id", "/orders/latest", "/orders/:id/items", "/health"]
    routes = [Declared(f"{method} {path}", method, path) for path in paths for method in ("GET", "POST")]
    assert check_routes(routes) == []


def test_a_conflict_names_both_triggers() -> None:
    routes = [Declared("a.py, trigger 1", "GET", "/orders/:id"), Declared("b.py, trigger 2", "GET", "/orders/{key}/")]
    (mistake,) = check_routes(routes)
    assert mistake == Mistake(
        "b.py, trigger 2", 'GET /orders/{key}/ is already taken by "/orders/:id" of a.py, trigger 1'
    )


@pytest.mark.parametrize("path", [*RESERVED, "/healthz/", "/_motia/x", "/docs/:page"])
def test_what_motia_fast_answers_itself_is_reserved(path: str) -> None:
    (mistake,) = check_routes([Declared("a.py", "GET", path)])
    assert "is reserved" in mistake.what


def test_all_mistakes_are_told_at_once() -> None:
    routes = [
        Declared("1", "get", "/a"),
        Declared("2", "GET", "a"),
        Declared("3", "GET", "/metrics"),
        Declared("4", "GET", "/b"),
        Declared("5", "GET", "/b"),
        Declared("6", "GET", "/b"),
    ]
    assert [m.where for m in check_routes(routes)] == ["1", "2", "3", "5", "6"]
