"""The listening socket: who gets the port, and who lets go of it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from motia_fast.errors import PortTaken, SettingsError
from motia_fast.web.sockets import Listener, hang_up, listen


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = listen("127.0.0.1", 0)
    yield made
    made.close()


def connect(listener: Listener) -> socket.socket:
    return socket.create_connection((listener.host, listener.port), timeout=10)


def test_port_0_takes_a_free_one_and_tells_which(listener: Listener) -> None:
    assert listener.port > 0
    assert listener.url == f"http://127.0.0.1:{listener.port}"
    connect(listener).close()  # what connects before there is a server waits


def test_a_taken_port_is_an_error_that_names_it_and_the_fix(listener: Listener) -> None:
    with pytest.raises(PortTaken, match=rf"another process listens on 127\.0\.0\.1:{listener.port}; .*--port"):
        listen("127.0.0.1", listener.port)


def test_a_port_that_others_would_share_is_taken_too() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken):
            listen("127.0.0.1", other.getsockname()[1])


def test_nobody_can_share_the_port(listener: Listener) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", listener.port))


def test_a_closed_port_is_free_at_once_although_connections_linger(listener: Listener) -> None:
    client = connect(listener)
    accepted, _ = listener.socket.accept()
    accepted.close()  # the side that closes first keeps the address for a minute
    client.close()
    listener.close()
    listen("127.0.0.1", listener.port).close()


@pytest.mark.parametrize("host", ["::1", "::"])
def test_addresses_of_ipv6_are_taken(host: str) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        made = listen(host, 0)
    except SettingsError as error:
        pytest.skip(str(error))
    assert made.url == f"http://[{host}]:{made.port}"
    socket.create_connection(("::1", made.port), timeout=10).close()
    if host == "::":
        socket.create_connection(("127.0.0.1", made.port), timeout=10).close()
    made.close()


def test_a_name_with_both_kinds_of_addresses_is_listened_on_by_ipv4() -> None:
    made = listen("localhost", 0)
    socket.create_connection(("127.0.0.1", made.port), timeout=10).close()
    made.close()


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("no-such-host.invalid", "no address or name"),
        ("203.0.113.7", "not of this machine"),
        ("a" * 70 + ".example", "no address or name"),
    ],
)
def test_a_host_that_cannot_be_listened_on_says_why(host: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        listen(host, 0)
    assert host in str(caught.value)


def test_hanging_up_ends_our_connections_and_no_others(listener: Listener) -> None:
    other = listen("127.0.0.1", 0)
    ours, others = connect(listener), connect(other)
    accepted, foreign = listener.socket.accept()[0], other.socket.accept()[0]
    assert hang_up(listener.port) == 1
    assert ours.recv(1) == b""
    others.settimeout(0.05)
    with pytest.raises(TimeoutError):
        others.recv(1)
    connect(listener).close()  # which still listens
    for sock in (ours, others, accepted, foreign):
        sock.close()
    other.close()


# ---------------------------------------------------------------- forked children

pytestmark_fork = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def in_child(look: Callable[[], bool]) -> bool:
    """What `look` says in a forked child."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if look() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytestmark_fork
def test_a_forked_child_lets_go_of_the_port_and_of_its_connections(listener: Listener) -> None:
    client = connect(listener)
    accepted, _ = listener.socket.accept()
    numbers = [listener.socket.fileno(), accepted.fileno()]
    null = Path(os.devnull).stat()

    def let_go() -> bool:
        # The numbers stay taken, by /dev/null: objects that were inherited may close them.
        return all(os.fstat(number).st_rdev == null.st_rdev for number in numbers)

    assert in_child(let_go)
    accepted.sendall(b"x")  # the parent kept them
    assert client.recv(1) == b"x"
    accepted.close()
    client.close()


@pytestmark_fork
def test_a_forked_child_keeps_what_is_not_ours(listener: Listener) -> None:
    with socket.socket() as other, open(__file__, "rb") as file:  # noqa: PTH123 -- a descriptor is wanted
        other.bind(("127.0.0.1", 0))
        other.listen()
        pair = socket.socketpair()
        port = other.getsockname()[1]
        assert in_child(lambda: other.getsockname()[1] == port and pair[0].fileno() > 0 and file.read(3) == b'"""')
        assert in_child(lambda: pair[1].send(b"y") == 1)
        assert pair[0].recv(1) == b"y"
        for sock in pair:
            sock.close()


@pytestmark_fork
def test_a_child_of_a_server_that_is_gone_does_not_keep_its_port(listener: Listener) -> None:
    ours, its = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        its.send(b"x")
        while True:
            signal.pause()
    try:
        assert ours.recv(1) == b"x"
        listener.close()
        listen("127.0.0.1", listener.port).close()
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        ours.close()
        its.close()
