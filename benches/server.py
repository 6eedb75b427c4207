"""An application in a process of its own: `python -m benches.server HOME ENGINE`.

`POST /work` answers 202 when its job survives a power cut; the job notes how long ago the client sent it, if the
client said so. `GET /waits` has the seconds, `GET /process` what the process is made of.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from motia_fast import App, Context, Request, http, queue


def application(home: str, engine: str) -> App:
    app = App("bench", home=home, engine=engine, port=0, log_format="text", log_level="WARNING")
    waits: list[float] = []

    @app.step(queue("work", concurrency=256))
    async def work(data: dict[str, Any]) -> None:
        if "sent" in data:
            waits.append(time.monotonic() - data["sent"])

    @app.step(http("POST", "/work"))
    async def post(request: Request, ctx: Context) -> dict[str, Any]:
        await ctx.enqueue("work", request.body)
        return {"status": 202, "body": {"status": "pending"}}

    @app.step(http("GET", "/waits"))
    async def told(request: Request) -> dict[str, Any]:
        return {"status": 200, "body": waits}

    @app.step(http("GET", "/process"))
    async def process(request: Request) -> dict[str, Any]:
        return {"status": 200, "body": {"modules": sorted(sys.modules)}}

    return app


if __name__ == "__main__":
    application(*sys.argv[1:]).run()
