"""Servers whose processes, ports and numbers are looked after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.engines import ENGINES, Name
from tests.crash.server import Server


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Name:
    """What the application runs on."""
    name: Name = request.param
    return name


@pytest.fixture
def server(tmp_path: Path, engine: Name) -> Iterator[Server]:
    """Not started yet."""
    with Server(tmp_path, engine) as server:
        yield server


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the numbers that the tests have recorded."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and report.user_properties:
            numbers = ", ".join(f"{value} {name}" for name, value in report.user_properties)
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {numbers}")
