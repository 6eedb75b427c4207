"""Both engines write one format: their schemas are the same text."""

from __future__ import annotations

import re
from pathlib import Path

from motia_fast.engine.pure import schema

RUST = Path(__file__).parents[3] / "rust" / "core" / "src" / "store" / "schema.rs"


def constant(name: str) -> str:
    """The value of a constant, as the Rust source spells it."""
    pattern = rf"^pub const {name}: [^=]+ = (.+?);(?=\s*(?:///|pub const|\Z))"
    found = re.search(pattern, RUST.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_both_engines_make_the_same_tables() -> None:
    assert constant("TABLES") == f'"{schema.TABLES}"'


def test_both_engines_mark_the_file_alike() -> None:
    assert int(constant("FORMAT")) == schema.FORMAT
    assert int(constant("APPLICATION_ID"), 16) == schema.APPLICATION_ID


def test_both_engines_begin_with_the_same_numbers() -> None:
    values = constant("META").replace("FORMAT", constant("FORMAT"))
    assert {name: int(value) for name, value in re.findall(r'\("(\w+)", (\d+)\)', values)} == schema.META
