"""Which patterns are read, how each engine is told of them, and which are refused, where."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from motia_fast.errors import ConditionError
from motia_fast.patterns import MAX_LENGTH, MAX_SIZE, parse

SPELLED = [
    # written, for Rust, for Python where it differs
    ("", "", None),
    ("abc", "abc", None),
    ("a|b", "a|b", None),
    ("a|", "a|", None),
    ("(a|b)c", "(?:a|b)c", None),
    ("(a)(?:b)", "ab", None),  # a group only groups
    ("(ab)+", "(?:ab)+", None),
    ("(a{2}){3}", "(?:a{2}){3}", None),
    ("a*b+c?", "a*b+c?", None),
    ("a*?b+?c??d{2}?", "a*b+c?d{2}", None),  # lazy or not, the answer is the same
    ("a{3}a{3,}a{,5}a{3,5}", "a{3}a{3,}a{0,5}a{3,5}", None),
    ("^a$", r"\Aa\z", r"\Aa\Z"),
    (r"\bfoo\b", r"(?-u:\b)foo(?-u:\b)", r"(?a:\b)foo(?a:\b)"),
    (".", ".", None),
    (r"\d\w\s", r"[0-9][0-9A-Z_a-z][\x09-\x0d ]", None),
    (r"\D\W\S", r"[^0-9][^0-9A-Z_a-z][^\x09-\x0d ]", None),
    (r"[^\d.]", r"[^\.0-9]", None),
    (r"[\Da]", r"[\x00-/:-\ud7ff\ue000-\U0010ffff]", None),
    ("[a-cb-e]", "[a-e]", None),
    ("[-a]", r"[\-a]", None),
    ("[a-]", r"[\-a]", None),
    ("[a^]", r"[\^a]", None),
    ("[&&~~||]", r"[\&\|\~]", None),  # sets of characters, not set operations
    (r"\/\.\"\-\ ", r'/\."\- ', None),
    (r"\n\r\t\f\v", r"\x0a\x0d\x09\x0c\x0b", None),
    (r"\x41\u00e9\U0001F600", "Aé😀", None),
    ("# é\n", r"\# é\x0a", None),
    ("\u200b", r"\u200b", None),
]


@pytest.mark.parametrize(("text", "rust", "python"), SPELLED)
def test_a_pattern_is_spelled_for_each_engine(text: str, rust: str, python: str | None) -> None:
    pattern = parse(text)
    assert (pattern.text, pattern.rust, pattern.python) == (text, rust, python or rust)


REFUSED = [
    (r"a(?=b)", 1, "a lookahead, which is not supported"),
    (r"(?!b)", 0, "a lookahead"),
    (r"(?<=b)", 0, "a lookbehind"),
    (r"(?<!b)", 0, "a lookbehind"),
    (r"(?>a)", 0, "an atomic group"),
    (r"(?P<n>a)", 0, "a named group; write (?:..)"),
    (r"(?<n>a)", 0, "a named group"),
    (r"(?P=n)", 0, "a backreference"),
    (r"(?#x)", 0, "a comment"),
    (r"(a)(?(1)b)", 3, "a conditional group"),
    (r"(?i)a", 0, "an inline flag"),
    (r"(?i:a)", 0, "an inline flag"),
    (r"(a)\1", 3, r"a backreference or octal escape, \1"),
    (r"\012", 0, "a backreference or octal escape"),
    (r"\Aa", 0, r"an anchor; write ^, \A"),
    (r"a\Z", 1, r"an anchor; write $, \Z"),
    (r"a\z", 1, "an anchor; write $"),
    (r"\B", 0, "a place that is no word edge"),
    (r"\p{L}", 0, "a Unicode property"),
    (r"\N{DIGIT ONE}", 0, "a named character"),
    (r"\q", 0, r"an unknown escape, \q"),
    ("\\é", 0, "an unknown escape"),
    ("a\\", 1, r"a \ that escapes nothing; a literal one is written \\"),
    (r"\x4", 0, r"an escape \x without the 2 hexadecimal digits"),
    (r"\ud800", 0, "a lone surrogate"),
    (r"\U00110000", 0, r"an escape \U without the 8 hexadecimal digits"),
    ("\ud800", 0, "a lone surrogate"),
    ("a*+", 2, "a possessive repeat"),
    ("a{2}+", 4, "a possessive repeat"),
    ("a**", 2, "a repeat of a repeat"),
    ("a??*", 3, "a repeat of a repeat"),
    ("a{2}{3}", 4, "a repeat of a repeat"),
    ("*a", 0, r"a * with nothing to repeat before it; a literal one is written \*"),
    ("(+)", 1, "a + with nothing to repeat before it"),
    ("a|?", 2, "a ? with nothing to repeat before it"),
    ("^*", 1, "a repeat of a place between characters"),
    (r"\b+", 2, "a repeat of a place between characters"),
    ("(a*)*", 4, "a repeat of what can match the empty text"),
    ("(|a)+", 4, "a repeat of what can match the empty text"),
    ("(^){2}", 3, "a repeat of a place between characters"),
    ("{2}", 0, r"a bare {; a literal one is written \{"),
    ("a{", 1, "a { that begins no count"),
    ("a{,}", 1, "a { that begins no count"),
    ("a{x}", 1, "a { that begins no count"),
    ("a{3,2}", 1, "a count whose first number is greater than its second, {3,2}"),
    ("a}", 1, "a bare }"),
    ("a]", 1, "a bare ]"),
    ("(a", 0, "a ( without its )"),
    ("a)", 1, "a ) without its ("),
    ("x[a", 1, "a [ without its ]"),
    ("[", 0, "a [ without its ]"),
    ("[]", 1, "a bare ] in a class"),
    ("[^]a]", 2, "a bare ] in a class"),
    ("[[:alpha:]]", 1, "a bare [ in a class"),
    ("[z-a]", 1, "a range that runs backwards, z-a"),
    (r"[a-\d]", 1, "a range from or to a set of characters"),
    (r"[\w-z]", 1, "a range from or to a set of characters"),
    ("[a-c-e]", 4, "a - in the middle of a class"),
    (r"[\b]", 1, "the edge of a word in a class"),
    ("a{1001}", 1, "a repeat that makes more than 1000 characters of it"),
    ("(a{100}){11}", 8, "a repeat that makes more than 1000 characters of it"),
    ("a{99999999999999999999}", 1, "a repeat that makes more than 1000 characters of it"),
    ("(" * 21 + ")" * 21, 20, "more than 20 groups within groups"),
]


@pytest.mark.parametrize(("text", "position", "what"), REFUSED)
def test_what_the_engines_would_not_read_alike_is_refused_by_its_position(text: str, position: int, what: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"the pattern {text!r} has at position {position} {what}")


def test_a_pattern_has_a_greatest_length() -> None:
    parse("a" * MAX_LENGTH)
    with pytest.raises(ConditionError, match="has 501 characters, and may have 500"):
        parse("a" * (MAX_LENGTH + 1))


def test_a_repeat_has_a_greatest_size() -> None:
    assert parse(f"a{{{MAX_SIZE}}}").rust == "a{1000}"


ENDS = [
    # pattern, subject, whether it matches
    ("a$", "a", True),
    ("a$", "a\n", False),  # where Python's own $ says yes
    ("^b", "a\nb", False),
    ("a.b", "a\nb", False),
    ("a.b", "a\rb", True),
    (r"^\d$", "\u0663", False),  # an Arabic digit three
    (r"^\w$", "é", False),
    (r"^\s$", "\xa0", False),
    (r"^\s$", "\x1c", False),
    (r"\bb", "éb", True),  # é is no part of an ASCII word
    ("^é$", "e\u0301", False),  # no normalisation
]


@pytest.mark.parametrize(("pattern", "subject", "matches"), ENDS)
def test_the_meaning_where_engines_differ_by_themselves(pattern: str, subject: str, matches: bool) -> None:
    assert bool(re.search(parse(pattern).python, subject)) is matches


ESCAPES = r"\d \w \s \D \W \S \b \n \. \x41 [a-c] [^a] (?: {2} {1,3}"
TOKENS = [*"abAz09_ -.^|()[]{}*+?\\,&~#é\n\u0663", *ESCAPES.split()]
SUBJECTS = st.text(st.sampled_from("abAz09_ -.^|()[]\\\n\r\té\u0663\xa0&~#,\x1c"), max_size=8)


@given(st.lists(st.sampled_from(TOKENS), max_size=10).map("".join), st.lists(SUBJECTS, max_size=5))
def test_what_is_read_means_what_python_means_by_it_in_ascii(text: str, subjects: list[str]) -> None:
    try:
        pattern = parse(text)
    except ConditionError:
        reject()
    original = re.compile(text, re.ASCII)
    for subject in subjects:
        assert bool(re.search(pattern.python, subject)) == bool(original.search(subject))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.text(string.ascii_letters, max_size=3))
def test_an_escaped_text_finds_itself(text: str, around: str) -> None:
    pattern = parse(f"^{around}{re.escape(text)}{around}$")
    assert re.search(pattern.python, around + text + around)
    assert not re.search(pattern.python, around + text + around + "\n")


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        re.compile(parse(text).python)
    except ConditionError as error:
        assert "the pattern" in str(error)  # noqa: PT017 -- any other error fails the test
