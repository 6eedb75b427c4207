"""The socket, with a real client on the other side."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from motia_fast.control import server as module
from motia_fast.control.address import SOCKET
from motia_fast.control.client import Client
from motia_fast.control.frames import MAX_FRAME
from motia_fast.control.server import ControlServer
from motia_fast.errors import ControlError, NotRunning, UnknownJob, ValidationFailed

Scenario = Callable[[], Awaitable[None]]


class Verbs:
    """What the server asks here: answers by what it is asked, and can be held up."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.held = threading.Semaphore(0)

    def __call__(self, verb: str, args: Mapping[str, Any]) -> object:
        if verb == "echo":
            return dict(args)
        if verb == "hold":
            self.held.release()
            assert self.go_on.wait(30)
            return "held"
        if verb == "refuse":
            raise ValidationFailed("the payload", [{"loc": ["a"], "msg": "is wrong", "type": "x"}])
        if verb == "break":
            raise KeyError(verb)
        raise UnknownJob(verb)


@pytest.fixture
def verbs() -> Iterator[Verbs]:
    verbs = Verbs()
    yield verbs
    verbs.go_on.set()


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            await scenario()

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())

    return run


@asynccontextmanager
async def serving(data_dir: Path, verbs: Verbs) -> AsyncGenerator[ControlServer]:
    server = ControlServer(data_dir, verbs)
    await server.start()
    try:
        yield server
    finally:
        verbs.go_on.set()
        await server.stop()


async def raw(address: Path, *parts: bytes) -> list[dict[str, Any]]:
    """Sends `parts`, closes that side, and reads all answers."""
    reader, writer = await asyncio.open_unix_connection(str(address), limit=MAX_FRAME)
    for part in parts:
        writer.write(part)
        await writer.drain()
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return [json.loads(answer) for answer in answers]


def test_a_client_is_answered(tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs):
            client = Client(tmp_path)
            assert await asyncio.to_thread(client.call, "echo", a=[1, "ü"]) == {"a": [1, "ü"]}
            # The socket's mode is what keeps others out.
            assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o600

    run(scenario)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_may_be_as_large_as_the_limit(tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None]) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs):
            text = "x" * (MAX_FRAME - 100)
            assert await asyncio.to_thread(Client(tmp_path).call, "echo", text=text) == {"text": text}
            with pytest.raises(ControlError, match="over the control socket's limit"):
                await asyncio.to_thread(Client(tmp_path).call, "echo", text="x" * MAX_FRAME)

    run(scenario)


def test_errors_reach_the_client_as_what_they_are(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs):
            with pytest.raises(ValidationFailed) as caught:
                await asyncio.to_thread(Client(tmp_path).call, "refuse")
            assert caught.value.details == [{"loc": ["a"], "msg": "is wrong", "type": "x"}]
            with pytest.raises(UnknownJob, match="other"):
                await asyncio.to_thread(Client(tmp_path).call, "other")
            assert caplog.records == []
            with pytest.raises(ControlError, match="KeyError: 'break'"):
                await asyncio.to_thread(Client(tmp_path).call, "break")
            assert "a control request failed" in caplog.text  # with its traceback: it is a bug of ours

    run(scenario)


def test_a_bad_frame_is_answered_and_the_next_one_is_read(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None]
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs) as server:
            large = [b"x" * 1_000_000] * 9
            good = b'{"verb":"echo","args":{"n":1}}\n'
            answers = await raw(server.address, b"nonsense\n", good, *large, b"\n", good, b'{"verb":')
            assert [list(answer) for answer in answers] == [["error"], ["ok"], ["error"], ["ok"], ["error"]]
            assert "the frame is not JSON" in answers[0]["error"]["message"]
            assert "a frame of 9,000,001 bytes is over the control socket's limit" in answers[2]["error"]["message"]
            assert "the frame is cut off" in answers[4]["error"]["message"]

    run(scenario)


def test_a_request_that_waits_does_not_hold_up_others(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None]
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs):
            client = Client(tmp_path)
            waiting = [asyncio.create_task(asyncio.to_thread(client.call, "hold")) for _ in range(4)]
            for _ in waiting:
                await asyncio.to_thread(verbs.held.acquire, timeout=30)
            assert await asyncio.to_thread(client.call, "echo", n=1) == {"n": 1}
            assert not any(task.done() for task in waiting)
            verbs.go_on.set()
            assert await asyncio.gather(*waiting) == ["held"] * 4

    run(scenario)


def test_the_number_of_connections_is_bounded(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs) as server:
            open_ones = [await asyncio.open_unix_connection(str(server.address)) for _ in range(2)]
            with pytest.raises(ControlError, match="2 control connections are open already"):
                await asyncio.to_thread(Client(tmp_path).call, "echo")
            for _, writer in open_ones:
                writer.close()
            while len(server._connections) > 0:  # noqa: ASYNC110 -- a fact of the server, which tells nobody
                await asyncio.sleep(0.001)
            assert await asyncio.to_thread(Client(tmp_path).call, "echo") == {}

    monkeypatch.setattr(module, "MAX_CONNECTIONS", 2)
    run(scenario)


def test_a_silent_connection_is_closed(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs) as server:
            reader, writer = await asyncio.open_unix_connection(str(server.address))
            assert await reader.read() == b""
            writer.close()

    monkeypatch.setattr(module, "IDLE", 0.01)
    run(scenario)


def test_a_stop_lets_a_running_request_be_answered_and_closes_the_idle(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None]
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs) as server:
            reader, writer = await asyncio.open_unix_connection(str(server.address))
            waiting = asyncio.create_task(asyncio.to_thread(Client(tmp_path).call, "hold"))
            await asyncio.to_thread(verbs.held.acquire, timeout=30)
            stopping = asyncio.create_task(server.stop())
            assert await reader.read() == b""
            writer.close()
            with pytest.raises(NotRunning):
                await asyncio.to_thread(Client(tmp_path).call, "echo")
            verbs.go_on.set()
            assert await waiting == "held"
            await stopping

    run(scenario)


def test_a_stop_does_not_wait_longer_than_its_grace(
    tmp_path: Path, verbs: Verbs, run: Callable[[Scenario], None]
) -> None:
    async def scenario() -> None:
        async with serving(tmp_path, verbs) as server:
            waiting = asyncio.create_task(asyncio.to_thread(Client(tmp_path).call, "hold"))
            await asyncio.to_thread(verbs.held.acquire, timeout=30)
            await server.stop(grace=0.01)
            with pytest.raises(ControlError, match=r'went away before it answered; .* asked \("hold"\) is not known'):
                await waiting

    run(scenario)


def test_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no application is running on the data directory"):
        Client(tmp_path).stats()
    with pytest.raises(NotRunning, match=r"there is no data directory .*/missing; name the application's own"):
        Client(tmp_path / "missing").stats()
    with socket.socket(socket.AF_UNIX) as left:  # by a killed process
        left.bind(str(tmp_path / SOCKET))
    with pytest.raises(NotRunning, match="start it with `motia-fast run TARGET`"):
        Client(tmp_path).stats()


def test_a_process_that_does_not_answer_is_named_after_the_timeout(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen()
        began = time.monotonic()
        with pytest.raises(ControlError, match=r"did not answer within 0.05 s; whether it did .* is not known"):
            Client(tmp_path, timeout=0.05).stats()
        assert time.monotonic() - began < 5


def test_a_process_that_takes_no_connections_is_named_after_the_timeout(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen(0)
        first.connect(str(tmp_path / SOCKET))
        with pytest.raises(ControlError, match=r"control.sock took no connection within 0.05 s"):
            Client(tmp_path, timeout=0.05).stats()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_forked_child_that_outlives_a_killed_server_does_not_take_connections(tmp_path: Path, loop: str) -> None:
    program = f"""
import asyncio, os, signal, uvloop
from motia_fast.control.server import ControlServer
from pathlib import Path

async def main():
    server = ControlServer(Path({str(tmp_path)!r}), lambda verb, args: os.getpid())
    await server.start()
    if os.fork() == 0:
        print(os.getpid(), flush=True)  # by now it has let go of the socket
        signal.pause()
        os._exit(0)
    await asyncio.Event().wait()

with asyncio.Runner(loop_factory={"uvloop.new_event_loop" if loop == "uvloop" else "asyncio.new_event_loop"}) as runner:
    runner.run(main())
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    server = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    child = int(server.stdout.readline())
    try:
        assert Client(tmp_path).call("pid") == server.pid  # the child's end closed nothing of the parent's
        server.kill()
        server.wait()
        with pytest.raises(NotRunning):
            Client(tmp_path, timeout=5).call("pid")
    finally:
        os.kill(child, signal.SIGKILL)
        server.stdout.close()
