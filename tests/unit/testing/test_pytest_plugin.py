"""The pytest plugin, in runs of its own: what it loads, and that its fixtures work beside plugins for async tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLUGIN = "motia_fast_pytest"

TESTS = """
import pytest
from motia_fast import App, Context, cron, queue

{extra}

app = App("test")


@app.step(queue("work"), cron("0 0 * * *"))
async def work(data, ctx: Context):
    await ctx.state.set("ran", ctx.trigger.type, round(ctx.now().timestamp()))


async def test_it_runs(motia_harness, motia_clock):
    async with motia_harness(app) as t:
        await t.enqueue("work", None, delay=3600)
        await t.advance(hours=2)
        assert t.clock is motia_clock
        assert await t.state("ran") == {{"cron": 1_700_006_400, "queue": 1_700_003_600}}


async def test_it_goes_on_in_a_directory(motia_harness, motia_clock, tmp_path):
    async with motia_harness(app, data_dir=tmp_path / "data", engine="pure") as t:
        await t.advance(hours=1)
    async with motia_harness(app, data_dir=tmp_path / "data", engine="pure") as t:
        assert t.clock.elapsed() == 3_600_000_000


@{fixture}
async def t(motia_harness):
    async with motia_harness(app) as t:
        yield t


async def test_a_fixture_is_made_of_it(t):
    assert (await t.get("/healthz")).status == 200
"""

# What a project has that never uses a fixture of ours.
STRANGER = """
import sys

def test_nothing_of_ours_is_there():
    assert [name for name in sys.modules if name.partition(".")[0] in {"motia_fast", "pydantic", "granian"}] == []

def test_but_the_plugin_is():
    assert "motia_fast_pytest" in sys.modules
"""


#: The other plugins, by what is said about them: how pytest is called, what a module has more, how a fixture is made.
BESIDE = {
    "pytest-asyncio auto": (["-p", "no:anyio", "-o", "asyncio_mode=auto"], "", "pytest.fixture"),
    "pytest-asyncio strict": (
        ["-p", "no:anyio", "-o", "asyncio_mode=strict"],
        "import pytest_asyncio\npytestmark = pytest.mark.asyncio",
        "pytest_asyncio.fixture",
    ),
    "anyio": (
        ["-p", "no:asyncio"],
        "pytestmark = [pytest.mark.anyio, pytest.mark.parametrize('anyio_backend', ['asyncio'])]",
        "pytest.fixture",
    ),
}
ALONE = ("-p", "no:anyio", "-p", "no:asyncio")
#: As an installation of the package has it loaded.
LOADED = ("-p", PLUGIN)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest in a folder, in which a warning is an error."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def assert_passed(done: subprocess.CompletedProcess[str], tests: int) -> None:
    assert (done.returncode, f"{tests} passed" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize("other", BESIDE)
def test_its_fixtures_work_under_the_plugins_for_async_tests(tmp_path: Path, other: str) -> None:
    arguments, extra, fixture = BESIDE[other]
    if "no:asyncio" not in arguments:
        arguments = [*arguments, "-o", "asyncio_default_fixture_loop_scope=function"]
    (tmp_path / "test_app.py").write_text(TESTS.format(extra=extra, fixture=fixture))
    assert_passed(run(tmp_path, *LOADED, *arguments), 3)


def test_it_imports_nothing_of_the_package_until_a_fixture_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_stranger.py").write_text(STRANGER)
    assert_passed(run(tmp_path, *ALONE, *LOADED, "--strict-config", "--strict-markers"), 2)


def test_it_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(motia_clock): ...\n")
    done = run(tmp_path, *ALONE, "-p", f"no:{PLUGIN}")
    assert "fixture 'motia_clock' not found" in done.stdout


def test_its_fixtures_are_listed_with_what_they_are(tmp_path: Path) -> None:
    done = run(tmp_path, *ALONE, *LOADED, "--fixtures")
    shown = done.stdout.partition(PLUGIN)[2]
    assert "motia_clock" in shown, done.stdout + done.stderr
    assert "A function that makes a `Harness`" in shown


def test_an_installation_has_it_loaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
    assert f"python/{PLUGIN}" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert PLUGIN in project["tool"]["maturin"]["python-packages"]
