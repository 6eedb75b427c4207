"""The pytest plugin: fixtures for the testing kit.

pytest loads it at the start of every run where motia_fast is installed. So it stands outside the package, and imports
nothing of that before a fixture is used: other tests wait for nothing, and coverage measures the package from its first
line. ``-p no:motia_fast_pytest`` leaves it out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from motia_fast import App
    from motia_fast.engine import Name
    from motia_fast.testing import Harness, ManualClock


class MakeHarness(Protocol):
    """What the fixture `motia_harness` is: makes a `Harness` on the clock of the test."""

    def __call__(
        self, app: App, *, data_dir: Path | str | None = None, engine: Name | None = None, **settings: Any
    ) -> Harness:
        """``async with motia_harness(app) as t:``; the arguments are those of `Harness`."""
        ...


@pytest.fixture
def motia_clock() -> ManualClock:
    """The time of the test: a manual clock at 2023-11-14 22:13:20 UTC. Override it to begin at another time."""
    from motia_fast.testing import ManualClock  # noqa: PLC0415 -- not before it is used

    return ManualClock()


@pytest.fixture
def motia_harness(motia_clock: ManualClock) -> MakeHarness:
    """A function that makes a `Harness` on the clock `motia_clock`.

    It is no async fixture, so it works under pytest-asyncio and anyio alike, and the App runs on the test's own loop.
    """
    from motia_fast.testing import Harness  # noqa: PLC0415 -- not before it is used

    return partial(Harness, clock=motia_clock)
