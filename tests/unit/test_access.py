"""Who waits for the engine through `AsyncAccess` is never left waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from motia_fast.access import AsyncAccess
from motia_fast.contract import EngineSettings, StateWrite
from motia_fast.engine import open_engine
from motia_fast.errors import EngineStopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from motia_fast.contract import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine("pure", EngineSettings(durability="memory"))
    yield engine
    engine.close()


async def test_a_commit_that_is_durable_is_not_waited_for(engine: Engine) -> None:
    await AsyncAccess(engine).durable(engine.durable)


async def test_all_who_wait_are_told_in_whatever_order_they_came(engine: Engine) -> None:
    access = AsyncAccess(engine)
    access.start()
    before = engine.committed
    waiting = [asyncio.create_task(access.durable(before + ahead)) for ahead in (3, 1, 4, 2, 4)]
    await asyncio.sleep(0)
    for ahead in (1, 2, 3, 4):
        engine.state.write([StateWrite("group", "key", b"1")])
        told = [task for task, awaited in zip(waiting, (3, 1, 4, 2, 4), strict=True) if awaited <= ahead]
        await asyncio.wait_for(asyncio.gather(*told), 5)
    access.stop()


async def test_who_begins_to_wait_after_the_stop_is_told(engine: Engine) -> None:
    access = AsyncAccess(engine)
    access.start()
    access.stop()
    with pytest.raises(EngineStopped, match="closed"):
        await access.durable(engine.committed + 1)
