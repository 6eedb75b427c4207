"""docs/testing.md: the tests that it shows are run as a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import code_of
from tests.integration.served import ROOT

PAGE = ROOT / "docs" / "testing.md"


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    code = code_of(PAGE)
    (tmp_path / "test_page.py").write_text(code, encoding="utf-8")
    plugins = ["-p", "motia_fast_pytest", "-p", "no:cacheprovider", "-p", "no:anyio"]
    settings = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *settings],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'python'}:{ROOT / 'examples' / 'orders'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    tests = len(re.findall(r"^async def test_", code, re.MULTILINE))
    assert tests >= 3
    assert (done.returncode, f"{tests} passed" in done.stdout) == (0, True), done.stdout + done.stderr
