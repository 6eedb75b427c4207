"""What the pages say is executed, and what they link to is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import OTHERS, PAGES, anchors_of, code_of, links_of, name_of
from tests.integration.served import ROOT


@pytest.mark.parametrize("page", [page for page in PAGES if code_of(page).strip()], ids=name_of)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """In a process and a folder of its own, on a free port. It is imported: `app.run()` at its end is for readers."""
    (tmp_path / "page.py").write_text(code_of(page), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import page"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}:{ROOT / 'python'}:{ROOT / 'examples' / 'orders'}",
            "MOTIA_FAST_PORT": "0",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, f"line numbers are those of {name_of(page)}\n{done.stderr}"


def test_the_runner_sees_a_page_that_lies(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Lie\n\n```python\nx = 1\n```\n\n```text\nnot python\n```\n\n```python\nassert x == 2\n```\n")
    assert code_of(page).splitlines() == ["", "", "", "x = 1", "", "", "", "", "", "", "", "assert x == 2", ""]


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, anchor in links_of(page):
        assert target.exists(), f"{name_of(page)} links to {target}, which is not there"
        if anchor:
            assert anchor in anchors_of(target), (
                f"{name_of(page)} links to #{anchor}, which {target.name} does not have"
            )


def test_the_index_lists_every_page() -> None:
    listed = {target for target, _ in links_of(ROOT / "docs" / "index.md")}
    assert set((ROOT / "docs").glob("*.md")) - listed - {ROOT / "docs" / "index.md"} == set()
