"""Applications in this process: their engine opened, and jobs waiting, before the clock of a bench runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from motia_fast import App
from motia_fast.contract import Message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from motia_fast.services import Services

#: What each job of the benches carries, 47 bytes, and the same as a value.
PAYLOAD = b'{"id":"order-1","petId":"pet-123","quantity":2}'
ORDER = {"id": "order-1", "petId": "pet-123", "quantity": 2}

#: Messages of one list, where a bench enqueues lists.
LIST = 100


def application(home: Path, engine: str, **settings: Any) -> App:
    """An application without steps: durable, on the default settings but for what is given."""
    return App("bench", home=home, engine=engine, log_level="ERROR", **settings)


async def opened(app: App) -> Services:
    """Opens the engine, and runs nothing yet. `app.close()` ends it."""
    services = app.prepare(app.settings())
    await services.open()
    return services


async def fill(services: Services, messages: Sequence[Message]) -> None:
    """Enqueues in lists of `LIST`; returns when all of it survives a crash."""
    for start in range(0, len(messages), LIST):
        await services.access.call(partial(services.engine.enqueue, messages[start : start + LIST]))
    await services.access.durable(services.engine.committed)


async def drain(services: Services) -> None:
    """Runs everything that waits or is scheduled, and returns when its last settle survives a crash."""
    engine = services.engine
    subscriptions = [subscription.id for subscription in services.plan.subscriptions()]
    await services.work()
    await services.worker.until(lambda: not any(map(engine.schedules.unfinished, subscriptions)))
    await services.access.durable(engine.committed)
