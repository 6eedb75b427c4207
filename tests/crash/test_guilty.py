"""A job that kills its process, each time that it runs."""

from __future__ import annotations

import contextlib
import http.client
from pathlib import Path

import pytest

from motia_fast.errors import ControlError, NotRunning
from tests.crash import remains
from tests.crash.clients import Clients
from tests.crash.server import Server, until
from tests.crash.slices import one_engine

#: Orders that wait at a time; so many are always beside the guilty one.
NEIGHBOURS = 40
GUILTY = "guilty"


def lives_through(server: Server, clients: Clients) -> int:
    """Starts the server whenever it has died, until one life finds nothing more to do; returns how many died."""

    def died_or_quiet() -> bool:
        return not server.alive or quiet(server, clients)

    for deaths in range(10):
        if deaths:
            server.spawn()
        until(died_or_quiet, "a death, or the end of all jobs")
        if server.alive:
            return deaths
        server.dies()
    raise AssertionError(f"it dies and dies:\n{server.output}")


def quiet(server: Server, clients: Clients) -> bool:
    """Whether it is up and the guilty job is dead; then the clients stop, and everything else is done too."""
    with contextlib.suppress(OSError, http.client.HTTPException, ControlError, NotRunning):
        if server.ask("GET", "/readyz").status == 200 and server.client.dead_list():
            clients.stop()
            return server.idle()
    return False


EACH = [
    pytest.param(*engine.values, step, marks=engine.marks)
    for turn, step in enumerate(["place", "bill"])
    for engine in one_engine(turn)
]


@pytest.mark.parametrize(("engine", "step"), EACH)
def test_a_job_that_keeps_killing_its_process_ends_as_a_dead_letter_and_only_that_job(
    server: Server, step: str, tmp_path: Path
) -> None:
    """`place` runs on the loop, `bill` in a thread. The guilty order's other job is a neighbour like any other."""
    server.start()
    with Clients(server.port, server.journal, most=NEIGHBOURS) as clients:
        until(lambda: server.load().ready >= NEIGHBOURS // 2, "neighbours that wait")
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.ask("POST", "/orders", {"id": GUILTY, "text": GUILTY, "deadly": step})
        assert lives_through(server, clients) == 3
    (letter,) = server.client.dead_list()
    assert (letter["step"], letter["payload"]["id"], letter["crashes"]) == (step, GUILTY, 3)
    assert [attempt["reason"] for attempt in letter["attempts"]] == ["crashed"]
    server.stop()
    left = remains.read(server.data_dir, tmp_path)
    remains.check(left, clients, server.journal)
    assert [(row.step, row.order, row.dead) for row in left.jobs.values()] == [(step, GUILTY, True)]
    other = "bill" if step == "place" else "place"
    assert GUILTY in server.journal.done(other)
    assert server.journal.starts[step, GUILTY] == 3
    for each in remains.GROUPS:
        assert clients.acknowledged <= server.journal.done(each)
