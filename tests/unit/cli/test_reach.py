"""Which data directory is meant, and what opening one at rest does to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from motia_fast.cli.reach import Place, answerer
from motia_fast.clock import ManualClock
from motia_fast.contract import Died, EngineSettings, Failure, Message, Settlement, Subscription
from motia_fast.engine import open_engine
from motia_fast.errors import NotRunning


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("flag", "variable", "expected", "why"),
    [
        (None, None, ".motia_fast", "the default, since there is no --data-dir, MOTIA_FAST_DATA_DIR or --app"),
        (None, "", ".motia_fast", "the default, since there is no --data-dir, MOTIA_FAST_DATA_DIR or --app"),
        (None, "b", "b", "given by MOTIA_FAST_DATA_DIR"),
        ("a", "b", "a", "given by --data-dir"),
        ("/a", None, "/a", "given by --data-dir"),
    ],
)
def test_a_flag_is_before_the_variable_and_that_before_the_default(
    flag: str | None, variable: str | None, expected: str, why: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("MOTIA_FAST_DATA_DIR", variable)
    assert Place(None if flag is None else Path(flag), None).found == (here / expected, why)


def test_a_directory_without_data_is_not_opened(here: Path) -> None:
    (here / "data").mkdir()
    with (
        pytest.raises(NotRunning, match=r"there is no data in .*/data \(given by --data-dir\)"),
        answerer(Path("data"), None),
    ):
        pass
    assert list((here / "data").iterdir()) == []


def test_only_the_application_lets_dead_letters_go(here: Path) -> None:
    """One that died in 2023 is long past the 30 days after which a running application forgets it by default."""
    engine = open_engine("pure", EngineSettings(data_dir=here / "data", clock=ManualClock()))
    engine.register([Subscription("place/orders", "place", "orders")])
    engine.wait(engine.enqueue([Message("orders", b"1")]).commit)
    [job] = engine.claim("test", "async", 1)
    engine.settle([Settlement(job.lease, Died(Failure("ValueError", "no stock")))])
    engine.close()
    for _ in range(2):
        with answerer(Path("data"), None) as asked:
            assert not asked.running
            assert [letter["id"] for letter in asked.call("dead.list")["jobs"]] == [job.id]


def test_a_directory_is_left_closed_for_the_next_one(here: Path) -> None:
    open_engine("pure", EngineSettings(data_dir=here / "data")).close()
    for value in range(3):
        with answerer(Path("data"), None) as asked:
            assert asked.call("state.get", group="g", key="k")["version"] == value
            asked.call("state.set", group="g", key="k", value=value)
