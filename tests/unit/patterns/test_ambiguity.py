"""Repeats that a backtracking search could take exponential time for are refused, and others are not."""

from __future__ import annotations

import pytest

from motia_fast.errors import ConditionError
from motia_fast.patterns import parse

EXPLODES = [
    r"(a+)+",  # aaa: one round of three, three of one, two and one, ..
    r"(a+)*b",
    r"([a-z]+)*$",
    r"(a|a)*",  # either a
    r"(a|ab?b?)+",  # ab: a and b? or a, b? and b?
    r"(\w|\d)+",  # a digit is both
    r"(\w+\s?)*",  # a word, or its letters one by one
    r"(.*,)*",  # a comma is also any character
    r"(a|b|ab)+",
    r"(?:a{1,3})+",
    r"(?:x+x+)+y",
    r"((a+)?b?c?a)*",
    r"(a+){20}",  # 20 rounds count as endless
    r"(?:(?:a+)+){2}",  # the inner one
    r"((?:ab|a)(?:c|bc))*",  # abc: ab and c, or a and bc
    r"(?:a\b|a)+",  # places count for nothing
]

HARMLESS = [
    r"a+",
    r"(?:ab)*",
    r"(a|b)*",
    r"(?:foo|far|foobar)*",  # they share a beginning, but no text is read in two ways
    r"^(?:[a-z0-9]+-)*[a-z0-9]+$",  # the hyphen ends a round
    r"^[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,}$",
    r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
    r"^(?:\d{1,3}\.){3}\d{1,3}$",
    r"^\d{1,3}(?:,\d{3})*$",
    r"(?:[0-9a-f]{2})+",
    r"(?:(?:a|b)*c)*",
    r"(a+){2}",  # two rounds are no explosion
    r"(a+)?",
    r"\"(?:[^\"\\]|\\.)*\"",  # a quoted string with escapes
    r".*a.*b.*c",  # polynomial, not exponential
    r"(?:a{0}b)*",
]


@pytest.mark.parametrize("text", EXPLODES)
def test_a_repeat_that_reads_a_text_in_many_ways_is_refused(text: str) -> None:
    with pytest.raises(ConditionError, match="exponential time"):
        parse(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_a_repeat_in_which_each_text_has_one_way_is_read(text: str) -> None:
    assert parse(text).text == text


def test_a_long_choice_in_a_repeat_is_searched() -> None:
    text = "(?:" + "|".join(f"w{n}x" for n in range(80)) + ")*"
    assert parse(text).text == text


def test_a_search_that_would_take_too_long_is_given_up_and_the_repeat_refused() -> None:
    with pytest.raises(ConditionError, match="exponential time"):
        parse("(?:" + "|".join(chr(0x100 + n) for n in range(245)) + ")*")
