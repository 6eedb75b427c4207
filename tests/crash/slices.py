"""What of the suite runs with all tests, and what by `make soak` alone: the engines share the short form's kills."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SOAK
from tests.contract.engines import ENGINES

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


def one_engine(turn: int) -> list[ParameterSet]:
    """Every engine; in the short form only one of them, which is another one for the next turn."""
    chosen = ENGINES[turn % len(ENGINES)]
    return [pytest.param(name, marks=[] if name == chosen else pytest.mark.soak) for name in ENGINES]


def share(kills: int) -> int:
    """Of so many kills, those that each engine gets: all of them where time does not matter."""
    return kills if os.environ.get(SOAK) else -(-kills // len(ENGINES))
