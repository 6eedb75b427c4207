"""The whole path: a client posts to a server in a process of its own, is answered 202, and the job is done.

Client and server share the machine's processors: on two of them, the client takes part of what the server could have.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from urllib.request import urlopen

from benches.applications import PAYLOAD
from benches.load import Report, load
from benches.measuring import Measure, Name, at
from benches.processes import python, url
from motia_fast import Client

CONNECTIONS = 64


def wait_done(client: Client, jobs: int) -> None:
    """Returns when that many jobs are done; a process can only ask another one."""
    while sum(one["done"] for one in client.stats()["subscriptions"]) < jobs:
        time.sleep(0.005)


def test_64_connections_post_until_their_jobs_are_done(
    home: Path, engine: Name, measure: Measure, runner: asyncio.Runner
) -> None:
    requests = measure.size(20_000, smoke=200)
    with python("benches.server", home, engine) as server:
        address = f"{url(server)}/work"
        client = Client(home / ".motia_fast")
        runner.run(load(address, PAYLOAD, connections=CONNECTIONS, requests=CONNECTIONS))  # connections and code warm

        def whole_path() -> Report:
            report = runner.run(load(address, PAYLOAD, connections=CONNECTIONS, requests=requests, seconds=600))
            wait_done(client, requests + CONNECTIONS)
            return report

        report, seconds = measure(whole_path)
    assert report.statuses == {"202": requests}
    measure.rate("POST to job done, 64 connections", requests, seconds, headline=True)
    measure.duration("POST to 202, 64 connections, p50", report.p50 / 1000)
    measure.duration("POST to 202, 64 connections, p99", report.p99 / 1000, headline=True)


def test_a_job_starts_soon_after_its_post_is_sent(
    home: Path, engine: Name, measure: Measure, runner: asyncio.Runner
) -> None:
    requests = measure.size(500, smoke=50)
    with python("benches.server", home, engine) as server:
        address = url(server)

        async def posts() -> Report:
            # The clock is the same in both processes.
            return await load(
                f"{address}/work",
                lambda _: b'{"id":"order-1","sent":%.6f}' % time.monotonic(),
                connections=8,
                requests=requests,
                rate=100,
                seconds=60,
            )

        report, _ = measure(lambda: runner.run(posts()))
        wait_done(Client(home / ".motia_fast"), requests)
        waits: list[float] = json.loads(urlopen(f"{address}/waits").read())  # noqa: S310 -- of our own server
    assert report.statuses == {"202": requests}
    assert len(waits) == requests
    measure.duration("POST sent to job started, at 100/s, p50", at(0.5, waits), headline=True)
    measure.duration("POST sent to job started, at 100/s, p99", at(0.99, waits))
