"""`engine` is every engine that there is; `rig` opens, reopens and kills one; `disk` is slow or broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.disk import Disk
from tests.contract.engines import ENGINES
from tests.contract.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from motia_fast.clock import ManualClock
    from motia_fast.contract import Durability, Engine


@pytest.fixture(params=ENGINES)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """Opens engines on one data directory, which does not exist yet."""
    rig = Rig(request.param, tmp_path / "data")
    yield rig
    rig.end()


@pytest.fixture(params=["os", "memory"])
def durability(request: pytest.FixtureRequest) -> Durability:
    """With a database, and without one. "sync" differs from "os" by system calls alone: test_durability.py."""
    kept: Durability = request.param
    return kept


@pytest.fixture
def engine(rig: Rig, durability: Durability) -> Engine:
    """An open, empty engine on the manual clock."""
    return rig.open(durability=durability)


@pytest.fixture
def clock(rig: Rig) -> ManualClock:
    """The clock of `engine`."""
    return rig.clock


@pytest.fixture
def disk() -> Disk:
    """Give it to `rig.open(disk=disk)`."""
    return Disk()
