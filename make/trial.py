"""An application that runs one job on each engine named: `make wheel` starts it where nothing but a wheel is."""

import asyncio
import importlib.util
import sys
import tempfile
from typing import cast

import motia_fast
from motia_fast import App, queue
from motia_fast.engine import Name
from motia_fast.testing import Harness

app = App("trial")
done: list[int] = []


@app.step(queue("numbers"))
async def note(number: int) -> None:
    """Keeps what it is given."""
    done.append(number)


async def main(engine: Name) -> None:
    """Runs one job, which lies in a file until it runs."""
    with tempfile.TemporaryDirectory() as data:
        async with Harness(app, data_dir=data, engine=engine) as harness:
            await harness.enqueue("numbers", 7)
            await harness.drain()


engines = cast("list[Name]", sys.argv[1:])
rust = importlib.util.find_spec("motia_fast._core")
assert (rust is not None) == ("rust" in engines), f"the extension is {rust}, and the engines are to be {engines}"
for engine in engines:
    asyncio.run(main(engine))
    assert done.pop() == 7, "the job did not run"  # noqa: PLR2004 -- as enqueued
assert ("motia_fast.engine.native" in sys.modules) == bool(rust), "the engine was not the one that was asked for"
print(f"motia_fast {motia_fast.__version__} ran a job on {' and on '.join(engines)}, Python {sys.version.split()[0]}")
