from __future__ import annotations

import io
import json
import time
from contextlib import redirect_stdout
from typing import Any

import pytest
from typing_extensions import override

from motia_fast.cli import output


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def dumb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")


LONG = "x" * 200


def test_a_table_is_plain_and_as_wide_as_it_is_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "data"), [("1", LONG), ("22", "two\nlines")])
    assert capsys.readouterr().out == f"id  data\n1   {LONG}\n22  two\\nlines\n"


def test_an_empty_table_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "data"), [])
    assert capsys.readouterr().out == "id  data\n"


def test_a_table_on_a_terminal_is_folded_and_loses_nothing() -> None:
    with redirect_stdout(Terminal()) as terminal:
        output.table(("id", "data"), [("1", LONG)])
    shown = terminal.getvalue()
    assert max(map(len, shown.splitlines())) <= 80  # what rich takes a dumb terminal for
    assert shown.count("x") == len(LONG)


def test_a_table_that_is_too_wide_for_a_terminal_is_printed_field_by_field() -> None:
    columns = [f"column {n}" for n in range(12)]
    row = [f"value {n} of the row" for n in range(12)]
    with redirect_stdout(Terminal()) as terminal:
        output.table(columns, [row, row])
    lines = terminal.getvalue().splitlines()
    assert lines[:2] == ["column 0   value 0 of the row", "column 1   value 1 of the row"]
    assert len(lines) == 2 * (12 + 1)


def test_only_the_widest_column_is_folded() -> None:
    with redirect_stdout(Terminal()) as terminal:
        output.table(("id", "data", "when"), [("1", LONG, "2026-11-24 17:09:59+01:00")])
    assert "2026-11-24 17:09:59+01:00" in terminal.getvalue()


def test_brackets_in_data_are_no_markup() -> None:
    with redirect_stdout(Terminal()) as terminal:
        output.table(("data",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in terminal.getvalue()


@pytest.mark.parametrize("shown", [output.say, lambda text: output.table(("data",), [(text,)])])
def test_what_could_steer_the_terminal_is_made_visible(shown: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shown("\x1b[2J\x07\x9b1m")
    assert "\\x1b[2J\\x07\\x9b1m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": "ü"}, '{"a": "ü"}'),
        ("x" * 58, '"' + "x" * 58 + '"'),  # 60 characters with the quotes
        ("x" * 1998, '"' + "x" * 59 + "… (2,000 characters)"),
    ],
)
def test_a_preview_says_what_it_leaves_out(value: Any, expected: str) -> None:
    assert output.preview(value) == expected


def test_json_is_json_whatever_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "a\x1bb\x00ü\x9b"}
    output.print_json(value)
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert "\x1b" not in shown
    assert "\x9b" not in shown


def test_a_list_that_goes_on_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    output.more({"next": 12})
    output.more({"next": None})
    assert capsys.readouterr() == ("", "there are more: --after 12\n")


def test_a_time_is_local_to_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert output.when("2026-11-24T16:09:59.923456+00:00") == "2026-11-24 17:09:59"
        assert output.when(None) == "-"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(("number", "expected"), [(0, "0 jobs"), (1, "1 job"), (1200, "1,200 jobs")])
def test_a_count_has_its_noun(number: int, expected: str) -> None:
    assert output.count(number, "job") == expected
