"""The two rates that later work is measured against: draining waiting jobs, and durable `POST` to job done.

    make bench                                        # or: python -m benches.baseline --engine pure --jobs 20000

Everything is durable (`synchronous=FULL`), on the default settings, in a temporary directory of this machine's disk.
Absolute figures wobble by 30 % on shared machines: compare runs of the same minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benches.load import load
from motia_fast import App, Client, queue
from motia_fast.contract import Message

#: Messages of one `enqueue` while a backlog is made.
_LIST = 100
_PAYLOAD = b'{"id":"order-1","petId":"pet-123","quantity":2}'

SERVER = """
from motia_fast import App, Context, Request, http, queue

app = App("bench", home={home!r}, engine={engine!r}, port=0, log_format="text", log_level="WARNING")

@app.step(queue("work", concurrency=256))
async def work(data):
    pass

@app.step(http("POST", "/work"))
async def post(request: Request, ctx: Context):
    await ctx.enqueue("work", request.body)
    return {{"status": 202, "body": {{"status": "pending"}}}}

app.run()
"""


def backlog_app(home: Path, engine: str, kind: str) -> App:
    """An application whose only step does nothing, as a coroutine or in a thread."""
    app = App("bench", home=home, engine=engine, log_level="WARNING")

    if kind == "async":

        @app.step(queue("work", concurrency=256))
        async def work(data: object) -> None:
            pass

    else:

        @app.step(queue("work", concurrency=256), name="work")
        def work_in_thread(data: object) -> None:
            pass

    return app


async def fill(app: App, jobs: int) -> float:
    """Makes a backlog; returns durable enqueues a second, in lists of 100."""
    async with app:
        assert app.services is not None
        engine, access = app.services.engine, app.services.access
        began = time.perf_counter()
        for _ in range(jobs // _LIST):
            await access.call(lambda: engine.enqueue([Message("work", _PAYLOAD)] * _LIST))
        await access.durable(engine.committed)
        return jobs / (time.perf_counter() - began)


async def drain(app: App) -> float:
    """Runs a backlog until its last settle is durable; returns jobs a second, the start of the engine included."""
    began = time.perf_counter()
    async with app.running():
        assert app.services is not None
        services = app.services
        await services.worker.until(lambda: not services.engine.schedules.unfinished("work/work"))
        await services.access.durable(services.engine.committed)
        (done,) = (await app.stats()).subscriptions
        return done.done / (time.perf_counter() - began)


def post_to_done(engine: str, requests: int) -> dict[str, float]:
    """64 connections post to a server process; a request counts when its job is done."""
    with tempfile.TemporaryDirectory() as home:
        source = Path(home, "server.py")
        source.write_text(SERVER.format(home=home, engine=engine))
        server = subprocess.Popen([sys.executable, source], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            url = f"{address(server)}/work"
            began = time.perf_counter()
            report = asyncio.run(load(url, _PAYLOAD, connections=64, requests=requests, seconds=600))
            wait_done(Client(Path(home, ".motia_fast")), report.statuses["202"])
            seconds = time.perf_counter() - began
        finally:
            server.terminate()
            server.wait()
    return {
        "posts (1/s)": report.rate,
        "done (1/s)": requests / seconds,
        "p50 (ms)": report.p50,
        "p99 (ms)": report.p99,
    }


def address(server: subprocess.Popen[str]) -> str:
    """The URL in the server's banner."""
    assert server.stdout is not None
    for line in server.stdout:
        for word in line.split():
            if word.startswith("http://"):
                return word
    raise RuntimeError("the server ended before it said where it listens")


def wait_done(client: Client, jobs: int) -> None:
    """Returns when that many jobs are done."""
    while sum(one["done"] for one in client.stats()["subscriptions"]) < jobs:
        time.sleep(0.02)


def measure(engine: str, jobs: int, rounds: int) -> dict[str, dict[str, float]]:
    """Each figure as its median, least and greatest over the rounds."""
    figures: dict[str, list[float]] = {}
    for number in range(rounds):
        for kind in ("async", "thread"):
            with tempfile.TemporaryDirectory() as home:
                app = backlog_app(Path(home), engine, kind)
                figures.setdefault("enqueue in lists of 100 (1/s)", []).append(asyncio.run(fill(app, jobs)))
                figures.setdefault(f"drain, {kind} (1/s)", []).append(asyncio.run(drain(app)))
        posted = post_to_done(engine, jobs)
        for name, value in posted.items():
            figures.setdefault(f"POST, 64 connections: {name}", []).append(value)
        print(f"round {number + 1} of {rounds} is done", file=sys.stderr)
    return {
        name: {"median": statistics.median(values), "least": min(values), "greatest": max(values)}
        for name, values in figures.items()
    }


def main() -> None:
    """Prints one table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="pure")
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.engine, arguments.jobs, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"engine {arguments.engine}, Python {platform.python_version()}, {arguments.jobs} jobs, durable")
    for name, figure in figures.items():
        print(f"  {name:40} {figure['median']:>10,.1f}   ({figure['least']:,.1f} to {figure['greatest']:,.1f})")


if __name__ == "__main__":
    main()
