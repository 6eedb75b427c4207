"""How the HTTP server starts, stops and dies: with requests under way, broken clients, and children that live on."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from motia_fast.requests import Request
from motia_fast.steps import step
from motia_fast.triggers import http
from motia_fast.web import listen
from tests.integration.threaded import LOOPS, Client, Serving


class Gate:
    """A handler that waits until the test lets it go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()
        self.left = threading.Event()

    async def pass_through(self) -> None:
        self.entered.set()
        while not self.go.is_set():  # noqa: ASYNC110 -- the test is on another thread
            await asyncio.sleep(0.001)
        self.left.set()


gate = Gate()


@step(http("GET", "/gate", request_timeout=30), name="Gated")
async def gated(request: Request[Any]) -> Any:
    await gate.pass_through()
    return {"status": 200, "body": "through"}


@step(http("POST", "/echo"), name="Echo")
async def echo(request: Request[Any]) -> Any:
    return {"status": 200, "body": request.body}


STEPS = (echo, gated)


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[Serving]:
    """A server that the test may stop."""
    global gate  # noqa: PLW0603 -- handlers are functions of the module
    gate = Gate()
    with Serving(getattr(request, "param", "asyncio"), STEPS) as made:
        yield made
        gate.go.set()


def until(fact: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.005)


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


# ---------------------------------------------------------------- life


def test_a_connection_that_came_before_the_server_is_served() -> None:
    serving = Serving("asyncio", STEPS)
    with serving.connect(get("/healthz")) as client, serving:
        assert client.receive()[0] == 200


def test_it_leaves_signals_and_logging_alone(tmp_path: Path) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handler = logging.FileHandler(tmp_path / "log")
    logging.getLogger("motia_fast.test").addHandler(handler)
    try:
        with Serving("asyncio", STEPS):
            logging.getLogger("motia_fast.test").error("still here")
        assert {number: signal.getsignal(number) for number in before} == before
        assert (tmp_path / "log").read_text() == "still here\n"
        assert logging.getLogger("_granian").level == logging.ERROR
        assert logging.getLogger("_granian").handlers == []
    finally:
        logging.getLogger("motia_fast.test").removeHandler(handler)
        handler.close()


@pytest.mark.parametrize("own", list(LOOPS), indirect=True)
def test_a_client_that_goes_away_does_not_stop_its_step(own: Serving) -> None:
    with own.connect(get("/gate")):
        assert gate.entered.wait(10)
    gate.go.set()
    assert gate.left.wait(10)
    assert httpx.get(f"{own.url}/healthz").status_code == 200


@pytest.mark.parametrize("own", list(LOOPS), indirect=True)
def test_a_stop_lets_what_runs_end_and_refuses_the_rest(own: Serving) -> None:
    with own.connect(get("/gate")) as runs, own.connect(get("/healthz")) as idle:
        assert idle.receive()[0] == 200
        assert gate.entered.wait(10)
        own.loop.call_soon_threadsafe(own._stopping.set)
        until(lambda: httpx.get(f"{own.url}/readyz").status_code == 503)
        assert httpx.post(f"{own.url}/echo", content=b"1").status_code == 503
        assert httpx.get(f"{own.url}/healthz").status_code == 200
        gate.go.set()
        status, headers, body = runs.receive()
        assert (status, body, headers.get("connection")) == (200, b"through", headers.get("connection"))
        assert idle.at_end()
        assert runs.at_end()
    own.stop()
    listen("127.0.0.1", own.listener.port).close()


def test_what_does_not_end_in_its_grace_is_aborted(own: Serving) -> None:
    own.grace = 0.05
    with own.connect(get("/gate")) as client:
        assert gate.entered.wait(10)
        own.stop()
        assert client.receive()[0] == 503
    assert not gate.left.is_set()


@pytest.mark.parametrize("data", [b"GET /hea", b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12"])
def test_a_request_that_never_arrives_whole_does_not_hold_up_a_stop(own: Serving, data: bytes) -> None:
    with own.connect(data) as client:
        assert httpx.get(f"{own.url}/healthz").status_code == 200
        start = time.monotonic()
        own.stop()
        assert time.monotonic() - start < 15  # half of what the server would give the client
        assert client.at_end() or client.receive()[0] in {400, 503}


def test_a_server_can_be_stopped_before_it_starts_and_its_port_is_free() -> None:
    serving = Serving("asyncio", STEPS)
    serving.listener.close()
    listen("127.0.0.1", serving.listener.port).close()


def test_it_serves_on_ipv6() -> None:
    try:
        serving = Serving("asyncio", STEPS, host="::1")
    except Exception as error:  # noqa: BLE001 -- machines without IPv6
        pytest.skip(str(error))
    with serving:
        assert httpx.get(f"{serving.url}/healthz").status_code == 200


# ---------------------------------------------------------------- kills

PROGRAM = Path(__file__).parent / "pooling.py"
ROOT = Path(__file__).parents[2]


def test_connections_leave_file_descriptors_for_the_rest_of_the_process() -> None:
    # More clients than descriptors: those beyond the server's share wait, and it neither spins nor fails.
    server = Pooling(0, limit=64)
    try:
        clients = [Client("127.0.0.1", server.port) for _ in range(80)]
        opened = Path(f"/proc/{server.process.pid}/fd")
        if opened.exists():
            until(lambda: len(list(opened.iterdir())) >= 40)
            assert len(list(opened.iterdir())) < 64
        for client in clients[:60]:
            client.close()
        clients[-1].send(get("/healthz"))
        assert clients[-1].receive()[0] == 200
        for client in clients[60:]:
            client.close()
    finally:
        server.close()


class Pooling:
    """A server with a live worker of a `ProcessPoolExecutor`."""

    def __init__(self, port: int, limit: int = 0) -> None:
        paths = os.pathsep.join([str(ROOT / "python"), str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        environment = {**os.environ, "PYTHONPATH": paths}
        command = [sys.executable, str(PROGRAM), str(port), str(limit)]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        facts = self.said()
        self.port, self.child = facts["port"], facts["child"]

    def said(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the server ended"
        return json.loads(line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.kill()
        if alive(self.child):
            os.kill(self.child, signal.SIGKILL)
        assert self.process.stdout is not None
        self.process.stdout.close()


def alive(pid: int) -> bool:
    try:
        return "zombie" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_server_s_port_is_free_at_once_and_its_clients_are_told_although_a_child_lives_on() -> None:
    with ExitStack() as stack:
        port = 0
        for _ in range(3):
            server = Pooling(port)
            stack.callback(server.close)
            port = server.port
            with Client("127.0.0.1", port) as waits, Client("127.0.0.1", port) as idle:
                idle.send(get("/healthz"))
                assert idle.receive()[0] == 200
                waits.send(get("/wait"))
                assert server.said() == {"waiting": 1}
                server.kill()
                assert alive(server.child)
                assert waits.at_end()
                assert idle.at_end()
