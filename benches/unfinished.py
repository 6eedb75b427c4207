"""An application whose one job never ends: `python -m benches.unfinished HOME ENGINE [enqueue]`; kill it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from motia_fast import App, Context, queue


def application(home: str, engine: str, *verbs: str) -> App:
    @asynccontextmanager
    async def lifespan(app: App) -> AsyncGenerator[None]:
        if "enqueue" in verbs:
            await app.enqueue("work")
        yield

    app = App("bench", home=home, engine=engine, port=0, log_format="text", log_level="ERROR", lifespan=lifespan)

    @app.step(queue("work"))
    async def work(data: object, ctx: Context) -> None:
        print("runs", flush=True)
        await asyncio.Event().wait()

    return app


if __name__ == "__main__":
    application(*sys.argv[1:]).run()
