"""The README: its quick start runs as a reader would run it, and what it promises names tests that exist."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.contract.engines import ENGINES, Name
from tests.docs.pages import blocks_of
from tests.integration.served import ROOT, Served
from tests.integration.walk import Walk, command_line, exchanges

README = ROOT / "README.md"
_TEST = re.compile(r"\[`(test_\w+)`\]\((tests/[\w/]+\.py)\)")


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands use curl")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "start", [["app.py"], ["-m", "motia_fast", "run", "app.py"]], ids=["python app.py", "motia-fast run app.py"]
)
def test_the_quick_start_does_what_the_readme_shows(tmp_path: Path, start: list[str], engine: Name) -> None:
    (tmp_path / "app.py").write_text(blocks_of(README, "python")[0])
    environment = {"MOTIA_FAST_PORT": "0", "MOTIA_FAST_ENGINE": engine}
    with Served(tmp_path, *start, **environment) as server, server.starts() as client:
        path = command_line(tmp_path / "bin", sys.executable, ROOT / "python")
        walk = Walk(tmp_path, path, f"{client.base_url.host}:{client.base_url.port}")
        commands = list(exchanges(README.read_text()))
        assert len(commands) >= 3
        for command in commands:
            walk.play(command)
        client.close()
        assert server.stop() == 0


def test_each_promise_names_tests_that_exist() -> None:
    table = README.read_text().partition("| Promise |")[2].partition("\n\n")[0]
    promises = table.splitlines()[2:]
    assert len(promises) >= 5
    for promise in promises:
        tests = _TEST.findall(promise)
        assert tests, promise
        for name, file in tests:
            assert f"def {name}(" in (ROOT / file).read_text(), f"{file} has no {name}"
