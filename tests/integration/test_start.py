"""A start: the port and the data directory, and what is said of the environment. Real processes."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from motia_fast.app.application import App
from motia_fast.errors import DataDirUnusable, PortTaken
from tests.integration.served import Served, until

APP = "from motia_fast import App\n\napp = App('small', port=0)\n\nif __name__ == '__main__':\n    app.run()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


def test_a_taken_port_leaves_no_data_directory_behind(folder: Path, taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with Served(folder, "app.py", MOTIA_FAST_PORT=str(port)) as serving:
        assert serving.ends() == 1
        assert f"another process listens on 127.0.0.1:{port}" in serving.output
    assert not (folder / ".motia_fast").exists()


async def test_a_start_that_fails_lets_go_of_the_port_and_the_directory(folder: Path, taken: socket.socket) -> None:
    (folder / "file").write_text("")
    unusable = App("unusable", home=folder, data_dir=folder / "file")
    services = unusable.prepare(unusable.settings({"port": 0}))
    with pytest.raises(DataDirUnusable):
        await services.open_bound()
    port = services.listener.port
    await unusable.close()
    socket.create_server(("127.0.0.1", port)).close()
    late = App("late", home=folder)  # it opens, then finds the port taken
    services = late.prepare(late.settings({"port": taken.getsockname()[1], "lock_wait": 1}))
    with pytest.raises(PortTaken):
        await services.open_bound()
    await late.close()
    async with App("next", home=folder):
        pass


def test_who_waits_for_the_data_directory_waits_for_its_port_too(folder: Path) -> None:
    with Served(folder, "app.py") as first, first.starts() as client:
        same = {"MOTIA_FAST_PORT": str(client.base_url.port), "MOTIA_FAST_LOCK_WAIT": "30"}
        with Served(folder, "app.py", **same) as second:
            until(lambda: has_open(second, folder / ".motia_fast" / "lock"), "the second process at the lock")
            assert first.stop() == 0
            with second.starts() as again:
                assert again.base_url == client.base_url


def has_open(serving: Served, file: Path) -> bool:
    for descriptor in Path(f"/proc/{serving.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if descriptor.readlink() == file:
                return True
    return False


def test_a_variable_that_is_no_setting_is_a_warning(folder: Path) -> None:
    with Served(folder, "app.py", MOTIA_FAST_PRT="1") as serving, serving.starts():
        [line] = until(lambda: serving.logged("MOTIA_FAST_PRT is no setting"), "the warning")
        assert line["level"] == "warning"
        assert line["message"].endswith('did you mean "MOTIA_FAST_PORT"?')


def test_an_application_file_that_ends_the_program_is_named(folder: Path) -> None:
    (folder / "ends.py").write_text("import sys\nsys.exit(3)\n")
    with Served(folder, "-m", "motia_fast", "run", "ends.py") as serving:
        assert serving.ends() == 1
        assert f"{folder}/ends.py" in serving.output
        assert "SystemExit: 3" in serving.output
