"""The engines that there are, and the one place that knows how each of them is opened over a `Disk`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, cast

from motia_fast.engine import open_engine
from motia_fast.engine.pure import PureEngine
from tests.contract.disk import Disk, StoreOnDisk

if TYPE_CHECKING:
    from motia_fast.contract import Engine, EngineSettings
    from motia_fast.engine.pure.store import Store

Name = Literal["pure", "rust"]

#: What `open_engine` takes, on this machine.
ENGINES: list[Name] = ["pure", "rust"] if find_spec("motia_fast._core") else ["pure"]


def open_plain(name: Name, settings: EngineSettings) -> Engine:
    return open_engine(name, settings)


def open_on(disk: Disk, name: Name, settings: EngineSettings) -> Engine:
    """Opens an engine whose commits go through `disk`."""
    if name == "pure":
        return PureEngine(settings, lambda store: cast("Store", StoreOnDisk(store, disk.pure())))
    from motia_fast.engine.native import NativeEngine

    return NativeEngine(settings, disk.native())
