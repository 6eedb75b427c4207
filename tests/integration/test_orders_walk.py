"""The walk of examples/orders/README.md, played against a real server, command by command."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.contract.engines import ENGINES, Name
from tests.integration.served import ROOT, Served, until
from tests.integration.walk import Walk, command_line, exchanges

EXAMPLE = ROOT / "examples" / "orders"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example, with its data beside it."""
    return Path(
        shutil.copytree(EXAMPLE, tmp_path / "orders", ignore=shutil.ignore_patterns(".motia_fast", "__pycache__"))
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands use curl")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_walk_of_the_page_shows_what_the_page_says(example: Path, tmp_path: Path, engine: Name) -> None:
    steps = list(exchanges((example / "README.md").read_text()))
    assert len(steps) > 20
    program = ["-m", "motia_fast", "run", "app.py", "--port", "0"]
    with Served(example, *program, MOTIA_FAST_ENGINE=engine) as server, server.starts() as client:
        assert [line["fields"]["engine"] for line in server.logged(" is running at ")] == [engine]
        path = command_line(tmp_path / "bin", sys.executable, ROOT / "python")
        walk = Walk(example, path, f"{client.base_url.host}:{client.base_url.port}")
        for step in steps:
            walk.play(step)
        client.close()
        assert server.stop() == 0


def test_the_failing_order_of_the_walk_takes_its_retries_in_real_time(example: Path) -> None:
    """1 + 2 + 4 seconds lie between the first attempt and the end."""
    with Served(example, "-m", "motia_fast", "run", "app.py", "--port", "0") as server, server.starts() as client:
        start = time.monotonic()
        answer = client.post("/orders", json={"email": "bob@example.com", "quantity": 1, "petId": "always-fails"})
        assert answer.status_code == 202
        assert answer.json() == {"message": "Order received and is being processed", "status": "pending"}
        until(lambda: server.logged("Look at this order"), "the alert")
        assert time.monotonic() - start > 7.0
        assert [line["fields"]["retries"] for line in server.logged("Order not placed")] == [0, 1, 2, 3]
        client.close()
        assert server.stop() == 0
