"""Engines: what stands behind the contract, chosen by name."""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, Literal

from motia_fast.engine.pure import PureEngine
from motia_fast.errors import SettingsError

if TYPE_CHECKING:
    from motia_fast.contract import Engine, EngineSettings

log = logging.getLogger("motia_fast.engine")

Name = Literal["auto", "rust", "pure"]


def open_engine(name: Name, settings: EngineSettings) -> Engine:
    """Opens the engine of that name; "auto" takes Rust where its extension is, and says so where it is not.

    Raises what `contract.Open` raises, and `SettingsError` for "rust" without its extension.
    """
    if name != "pure":
        if importlib.util.find_spec("motia_fast._core") is not None:
            from motia_fast.engine.native import NativeEngine  # noqa: PLC0415 -- where there is one

            return NativeEngine(settings)
        if name == "rust":
            raise SettingsError('engine="rust": this installation has no Rust extension; use "auto" or "pure"')
        log.debug("the Rust engine is not installed; the pure engine runs")
    return PureEngine(settings)
