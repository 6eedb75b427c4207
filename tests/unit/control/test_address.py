from __future__ import annotations

import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from motia_fast.control.address import LONGEST, POINTER, SOCKET, address_of, listen, withdraw
from motia_fast.errors import ControlError


@pytest.fixture
def long_dir(tmp_path: Path) -> Path:
    path = tmp_path / ("d" * LONGEST)
    path.mkdir()
    return path


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's temporary directory, empty; short enough for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(tempfile, "tempdir", short)
        yield Path(short)


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_socket_is_in_the_data_directory_and_only_its_owner_may_open_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    listener, address = listen(tmp_path)
    with listener:
        assert address == tmp_path / SOCKET == address_of(tmp_path)
        assert mode(address) == 0o600
        assert connects(address)
        assert [path.name for path in tmp_path.iterdir()] == [SOCKET]


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    listen(tmp_path)[0].close()
    (tmp_path / ".control").mkdir()
    (tmp_path / ".control" / "s").touch()  # killed between bind and rename
    assert not connects(address_of(tmp_path))
    listener, address = listen(tmp_path)
    with listener:
        assert connects(address)
        assert [path.name for path in tmp_path.iterdir()] == [SOCKET]


def test_a_path_that_is_too_long_is_replaced_by_a_short_one_of_ours(long_dir: Path, temporary: Path) -> None:
    listener, address = listen(long_dir)
    with listener:
        assert address_of(long_dir) == address
        assert address.is_relative_to(temporary)
        assert connects(address)
        assert (mode(address), mode(address.parent)) == (0o600, 0o700)
        assert [path.name for path in long_dir.iterdir()] == [POINTER]


def test_a_second_start_leaves_nothing_of_the_first_in_the_temporary_directory(long_dir: Path, temporary: Path) -> None:
    listen(long_dir)[0].close()
    listener, address = listen(long_dir)
    with listener:
        assert list(temporary.iterdir()) == [address.parent]
        withdraw(long_dir)
        assert list(temporary.iterdir()) == []
        assert list(long_dir.iterdir()) == []


def test_the_longest_path_that_is_taken_directly_has_100_bytes(temporary: Path) -> None:
    for length, direct in [(LONGEST, True), (LONGEST + 1, False)]:
        data_dir = temporary / ("d" * (length - len(f"{temporary}//{SOCKET}")))
        data_dir.mkdir()
        listener, address = listen(data_dir)
        with listener:
            assert (address == data_dir / SOCKET) is direct
            assert connects(address)
            withdraw(data_dir)


def test_a_pointer_to_a_directory_that_is_none_of_ours_deletes_nothing(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / SOCKET).write_text("precious")
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / POINTER).write_text(str(other / SOCKET))
    withdraw(data_dir)
    assert (other / SOCKET).read_text() == "precious"
    assert list(data_dir.iterdir()) == []


def test_a_directory_that_takes_no_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"cannot listen on the control socket of .*/missing: .*No such file"):
        listen(tmp_path / "missing")
