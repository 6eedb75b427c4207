"""What holds for every test: no settings from the caller's shell, and soak tests only when they are asked for."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

#: The name by which `make soak` asks for the long tests; the crash suite reads it too.
SOAK = "MOTIA_FAST_SOAK"

# A shared machine pauses for longer than the 200 ms that hypothesis grants one example.
settings.register_profile("shared-machine", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("shared-machine")


def pytest_configure() -> None:
    """Settings that the caller's shell exports would change what is tested, in subprocesses too."""
    for name in [name for name in os.environ if name.startswith("MOTIA_FAST_") and name != SOAK]:
        del os.environ[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get(SOAK):
        return
    skip = pytest.mark.skip(reason=f"takes minutes; `make soak`, or {SOAK}=1")
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker(skip)
