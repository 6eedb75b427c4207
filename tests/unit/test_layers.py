"""The order of the modules of rust/core: who may know whom. import-linter holds that of the Python modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "rust" / "core" / "src"

#: Low to high. A module knows its own layer and those below, and never the other side of its layer: what serves jobs
#: from memory and what keeps them on disk meet in the engine alone.
LAYERS: list[list[set[str]]] = [
    [{"error", "clock", "id", "metrics", "settings", "log", "sync", "wake"}],
    [{"job", "retry", "failure"}],
    [{"condition", "route", "lane", "wheel", "lease"}, {"store", "commit", "running", "directory", "disk"}],
    [{"state", "stream", "update"}],
    [{"engine"}],
]

PLACES = {
    module: (layer, side)
    for layer, sides in enumerate(LAYERS)
    for side, modules in enumerate(sides)
    for module in modules
}

SOURCES = sorted(path for path in CORE.rglob("*.rs") if path.name != "lib.rs")


def module_of(path: Path) -> str:
    """The top-level module that a file belongs to."""
    return path.relative_to(CORE).parts[0].removesuffix(".rs")


def code_of(text: str) -> str:
    """Source text without its comments, where a path is no dependency."""
    return re.sub(r"//[^\n]*", "", text)


def known_by(text: str) -> set[str]:
    """The top-level modules that source text names, as `crate::a::B` or in `crate::{a::B, c::{D, E}}`."""
    code = code_of(text)
    found = set(re.findall(r"\bcrate::(\w+)", code))
    for match in re.finditer(r"\bcrate::\{", code):
        found |= heads(code[match.end() :])
    return found


def heads(inside: str) -> set[str]:
    """The first names of the items of a list, up to the brace that closes it."""
    depth, flat = 0, ""
    for letter in inside:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            break
        flat += letter if depth == 0 else ""
    return {item.partition("::")[0].strip() for item in flat.replace("}", "").split(",")} - {"", "self"}


def may_know(module: str, other: str) -> bool:
    (layer, side), (below, beside) = PLACES[module], PLACES[other]
    return below < layer or (below, beside) == (layer, side)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("use crate::clock::Micros;", {"clock"}),
        ("let now = crate::clock::now();", {"clock"}),
        ("use crate::{\n    clock::Micros,\n    job::{Job, Place},\n    retry,\n};", {"clock", "job", "retry"}),
        ("// use crate::store::Store;", set()),
        ("pub(crate) use std::sync::Arc;", set()),
    ],
)
def test_a_use_is_read_from_source(text: str, known: set[str]) -> None:
    assert known_by(text) == known


@pytest.mark.parametrize(
    ("module", "other", "may"),
    [
        ("engine", "store", True),
        ("store", "commit", True),
        ("store", "lane", False),
        ("lane", "store", False),
        ("clock", "job", False),
    ],
)
def test_a_module_knows_what_is_below_it_and_not_what_is_beside_it(module: str, other: str, may: bool) -> None:
    assert may_know(module, other) == may


def test_every_module_of_the_core_has_a_layer() -> None:
    modules = {module_of(path) for path in SOURCES}
    assert modules, f"no sources in {CORE}"
    assert modules - PLACES.keys() == set()


def test_no_module_of_the_core_knows_one_above_it_or_on_the_other_side() -> None:
    wrong = [
        f"{path.relative_to(CORE)} knows {other}"
        for path in SOURCES
        for other in sorted(known_by(path.read_text(encoding="utf-8")) & PLACES.keys())
        if not may_know(module_of(path), other)
    ]
    assert wrong == []


def steps_out(path: Path) -> list[str]:
    """The paths that lead out of a top-level module by `super::`, where a search for `crate::` misses them."""
    depth = len(path.relative_to(CORE).parts) - (path.name == "mod.rs")
    code = code_of(path.read_text(encoding="utf-8"))
    paths = [
        (match[1] is not None, match[2]) for match in re.finditer(r"(^use )?((?:super::)+\w*)", code, re.MULTILINE)
    ]
    # What is not at the margin may be in a module within the file, which is one level deeper.
    return [name for margin, name in paths if name.count("super::") >= (depth if margin else depth + 1)]


def test_what_is_outside_of_a_module_is_named_from_the_root_of_the_crate() -> None:
    assert {path: steps for path in SOURCES if (steps := steps_out(path))} == {}
