"""Where settings come from, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from motia_fast.errors import SettingsError
from motia_fast.settings import resolve, unknown_variables


@pytest.mark.parametrize(
    ("environment", "flags", "expected"),
    [
        ({"PORT": "x"}, {}, "MOTIA_FAST_PORT: Input should be a valid integer, unable to parse .*, not 'x'$"),
        ({"GRACE": "-1"}, {}, "MOTIA_FAST_GRACE: Input should be greater than or equal to 0, not '-1'$"),
        ({"DURABILITY": "disk"}, {}, "MOTIA_FAST_DURABILITY: Input should be 'sync', 'os' or 'memory', not 'disk'$"),
        ({}, {"port": 99999}, "--port: Input should be less than or equal to 65535, not 99999$"),
        ({"PORT": "1"}, {"min_free_disk": -1}, "--min-free-disk: Input should be .*, not -1$"),
    ],
)
def test_a_wrong_value_is_told_with_where_it_came_from(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], flags: dict[str, Any], expected: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"MOTIA_FAST_{name}", value)
    with pytest.raises(SettingsError, match=expected):
        resolve({}, flags)


def test_a_wrong_value_of_the_code_is_told_once() -> None:
    with pytest.raises(
        SettingsError, match=r"  port='x': Input should be a valid integer, unable to parse .* integer$"
    ):
        resolve({"port": "x"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MOTIA_FAST_PRT", ['MOTIA_FAST_PRT is no setting; did you mean "MOTIA_FAST_PORT"?']),
        ("MOTIA_FAST_DATADIR", ['MOTIA_FAST_DATADIR is no setting; did you mean "MOTIA_FAST_DATA_DIR"?']),
        ("MOTIA_FAST_PORT", []),
        ("MOTIA_FAST_SOAK", []),
        ("MOTIA_FAST_RELOAD_CHILD", []),
        ("MOTIA_PORT", []),
    ],
)
def test_a_variable_that_is_no_setting_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: list[str]
) -> None:
    before = unknown_variables()
    monkeypatch.setenv(name, "1")
    assert [line for line in unknown_variables() if line not in before] == expected
