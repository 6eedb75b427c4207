"""Kills in a row: lives of one application on one directory and one port, each ended by SIGKILL under load."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

from tests.contract.engines import Name
from tests.crash import remains
from tests.crash.clients import Clients
from tests.crash.server import START, Server, until

Record = Callable[[str, object], None]

RANDOM = "at a random moment"
#: Seconds of load before a kill at a random moment, at most; and passings of a point, the fatal one included.
LOAD = 0.6
PASSINGS = 60
#: All that is in a data directory at rest.
AT_REST = {"engine.db", "lock", "running", ".gitignore"}
#: Jobs that wait before a kill, at least.
PENDING = 10


class Row:
    """Kills a server while clients post, looks at what each kill left, and lets everything be done in the end."""

    def __init__(self, server: Server, clients: Clients, scratch: Path) -> None:
        self.server = server
        self.clients = clients
        self.seed = random.randrange(1 << 32)
        self.chance = random.Random(self.seed)
        self.kills = 0
        self._scratch = scratch

    def start(self) -> None:
        """Starts it, and waits until jobs run and more of them wait."""
        self.server.start()
        until(self._loaded, "running and waiting jobs")

    def kill(self, point: str) -> None:
        """One life, to its end at that point, while jobs run and wait."""
        self.start()
        if point == RANDOM:
            time.sleep(self.chance.uniform(0, LOAD))
            self.server.kill()
        else:
            self.server.arm(point, self.chance.randint(1, PASSINGS))
            self.server.dies()
        left = self.look()
        where = f"kill {self.kills} {point}, seed {self.seed}"
        assert left.running, where
        assert left.pending >= PENDING, where

    def look(self) -> remains.Remains:
        """Checks what a kill left."""
        self.kills += 1
        left = remains.read(self.server.data_dir, self._scratch)
        remains.check(left, self.clients, self.server.journal)
        return left

    def finish(self, record: Record, statuses: AbstractSet[int] = frozenset({202, 400})) -> None:
        """A last life, in which everything is done; no client was ever told anything but `statuses`."""
        self.server.start()
        self.clients.stop()
        until(self.server.idle, "the end of all jobs")
        stats = self.server.client.stats()
        assert {(row["failed"], row["dead"]) for row in stats["subscriptions"]} == {(0, 0)}
        self.server.stop()
        left = remains.read(self.server.data_dir, self._scratch)
        remains.check(left, self.clients, self.server.journal)
        self._check_end(left)
        assert self.clients.statuses.keys() <= statuses
        self._tell(record)

    def _check_end(self, left: remains.Remains) -> None:
        clients, journal = self.clients, self.server.journal
        assert left.jobs == {}
        for step, group in remains.GROUPS.items():
            assert clients.acknowledged <= journal.done(step)
            assert left.state[group].keys() == journal.done(step)
        assert journal.attempts == {1}, "a crash counted as an attempt"
        assert {path.name for path in self.server.data_dir.iterdir()} == AT_REST, "kills left something behind"
        assert max(self.server.starts) < START

    def _tell(self, record: Record) -> None:
        clients, journal = self.clients, self.server.journal
        record("kills", self.kills)
        record("orders acknowledged", len(clients.acknowledged))
        record("unanswered", len(clients.unanswered))
        record("refused", len(clients.refused))
        record("jobs done", len(journal.starts))
        record("runs again", journal.reruns)
        record("s for the longest start", f"{max(self.server.starts):.1f}")

    def _loaded(self) -> bool:
        running, ready = self.server.load()
        return running > 0 and ready >= PENDING


@contextmanager
def row_of_kills(folder: Path, engine: Name, environment: Mapping[str, str] | None = None) -> Generator[Row]:
    """A row on an empty directory; what runs at the end is killed, with its children."""
    # Kills by somebody else say nothing about the jobs that ran: no number of them makes a dead letter.
    never = {"MOTIA_FAST_MAX_CRASHES": "1000000"}
    with (
        Server(folder, engine, never | dict(environment or {})) as server,
        Clients(server.port, server.journal) as clients,
    ):
        yield Row(server, clients, folder)
