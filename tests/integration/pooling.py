"""A server with a live worker process of a `ProcessPoolExecutor`, to be killed: ``python pooling.py PORT LIMIT``.

LIMIT is how many file descriptors it may have, 0 for as many as there are. It writes its port and the worker's pid as a
line of JSON once it serves.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from motia_fast.requests import Request
from motia_fast.steps import step
from motia_fast.triggers import http
from motia_fast.web import Server, listen
from tests.unit.web.site import Site


@step(http("GET", "/wait"), name="Wait")
async def wait(request: Request[Any]) -> Any:
    say(waiting=1)
    await asyncio.Event().wait()


def say(**facts: int) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


async def main() -> None:
    if int(sys.argv[2]):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
    listener = listen("127.0.0.1", int(sys.argv[1]))
    server = Server(Site(wait).application, listener)
    await server.start()
    reader, _ = await asyncio.open_connection("127.0.0.1", listener.port)  # so that there is one to inherit
    # "fork" is what makes the trouble, and was Linux's way until Python 3.14.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        child = await asyncio.get_running_loop().run_in_executor(pool, os.getpid)  # forked after the server started
        pool.submit(time.sleep, 3600)
        say(port=listener.port, child=child)
        await server.wait()
        del reader


if __name__ == "__main__":
    asyncio.run(main())
