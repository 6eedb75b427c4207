"""How figures look in a terminal, in pages and in the chart."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benches import chart
from benches.report import ROOT, kept, pages, replaced
from benches.results import GROUPS, Row
from benches.tables import brief, markdown, number, terminal, times

RATE = Row("drain", "drain, <async>", "1/s", headline=True, rust={1: 123_456.0, 2: 135_456.0}, pure={1: 41_152.0})
TIME = Row("latency", "start, p50", "ms", headline=True, rust={1: 0.512}, pure={1: 0.768})
ALONE = Row("state", "state get", "1/s", headline=False, pure={1: 4_430.4})
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.512, "0.51"),
        (9.87, "9.87"),
        (59.06, "59.1"),
        (208.4, "208"),
        (4_432.0, "4,430"),
        (123_456.0, "123,000"),
        (1_234_567.0, "1,230,000"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("ratio", "text"), [(None, "-"), (0.944, "0.94x"), (3.04, "3.0x"), (12.6, "13x")])
def test_ratios_have_two_digits(ratio: float | None, text: str) -> None:
    assert times(ratio) == text


def test_the_terminal_shows_one_table_with_aligned_columns() -> None:
    lines = terminal([RATE, TIME, ALONE]).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        GROUPS["drain"],
        GROUPS["latency"],
        GROUPS["state"],
    ]
    assert re.split(r" {2,}", lines[2].strip()) == ["drain, <async>", "129,000", "41,200", "1/s", "±5 %", "3.0x"]
    assert re.split(r" {2,}", lines[-1].strip()) == ["state get", "-", "4,430", "1/s", "-", "-"]
    assert len({line.rindex("x") for line in lines if line.endswith("x")}) == 1


def test_a_page_has_every_row_and_the_readme_those_that_say_most() -> None:
    assert markdown([RATE, ALONE]).splitlines()[2:] == [
        "| **Draining waiting jobs** | | | | |",
        "| drain, <async> | 129,000/s | 41,200/s | ±5 % | 3.0x |",
        "| **State** | | | | |",
        "| state get | - | 4,430/s | - | - |",
    ]
    assert brief([RATE, TIME, ALONE]).splitlines()[2:] == [
        "| drain, <async> | 129,000/s | 41,200/s | 3.0x |",
        "| start, p50 | 0.51 ms | 0.77 ms | 1.5x |",
    ]


def test_the_chart_has_a_bar_of_each_engine_in_proportion_for_rates_that_say_most() -> None:
    root = ET.fromstring(chart.chart([RATE, TIME, ALONE]))  # noqa: S314 -- our own
    bars = [(bar.get("class"), float(bar.get("width", ""))) for bar in root.iter(f"{SVG}rect")][2:]  # after the legend
    assert bars == [("rust", chart.BARS), ("pure", pytest.approx(chart.BARS * 41_152 / 129_456, abs=0.1))]
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[3:] == ["drain, <async>", "129,000/s", "41,200/s", "3.0x"]


def test_the_chart_leaves_out_the_bar_of_an_engine_that_was_not_measured() -> None:
    alone = Row("state", "state get", "1/s", headline=True, pure={1: 4_430.4})
    root = ET.fromstring(chart.chart([alone]))  # noqa: S314 -- our own
    assert [bar.get("class") for bar in root.iter(f"{SVG}rect")][2:] == ["pure"]


def test_what_is_between_the_marks_of_a_page_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- speed -->\n\nold\n\n<!-- /speed -->\n\nrest\n")
    assert replaced(page, "new \\1") == "# Page\n\n<!-- speed -->\n\nnew \\1\n\n<!-- /speed -->\n\nrest\n"
    page.write_text(replaced(page, "new"))
    assert replaced(page, "newer") == "# Page\n\n<!-- speed -->\n\nnewer\n\n<!-- /speed -->\n\nrest\n"


def test_a_page_without_its_marks_is_a_mistake_that_names_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    with pytest.raises(ValueError, match=r"page\.md has 0 pairs of <!-- speed -->"):
        replaced(page, "new")


def test_the_pages_show_the_runs_that_are_kept() -> None:
    """Whoever publishes a run writes all pages, and nobody mends a figure by hand."""
    for path, text in pages(kept()).items():
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"{path} is not what make bench-publish would write"
