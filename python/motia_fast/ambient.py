"""Names that find the running step by themselves: ``from motia_fast import enqueue, logger, state_manager``.

They are for `async def` handlers, and for what those call; `motia_fast.sync` has them for `def` handlers and scripts.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Unpack

from motia_fast.context import Context, current
from motia_fast.errors import NoRunningStep
from motia_fast.state_store import StateManager
from motia_fast.steplog import Logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from motia_fast.context import Run
    from motia_fast.contract import Receipt
    from motia_fast.messages import Options
    from motia_fast.session import Session


def running_context(name: str) -> Context:
    """The context of the async handler that runs here. Raises `NoRunningStep`, saying what to do instead of `name`."""
    ctx = current.get(None)
    if ctx is None:
        raise NoRunningStep(
            f"{name} was used where no step is running; inside a handler it finds the step by itself. Elsewhere use "
            f"the application: `async with app:` and `app.{_on_app(name)}`"
        )
    if not isinstance(ctx, Context) or not _on_loop():
        raise NoRunningStep(
            f"{name} was used in a thread, and is for the event loop; in a `def` handler use ctx, or "
            f"`from motia_fast.sync import {name}`"
        )
    return ctx


async def enqueue(topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
    """As `Context.enqueue`, of the step that runs here. Raises `NoRunningStep` where none does."""
    return await running_context("enqueue").enqueue(topic, data, **options)


def _session() -> Session:
    return running_context("state_manager").session


def _run() -> Run:
    ctx = current.get(None)
    if ctx is None:
        raise NoRunningStep(
            "logger was used where no step is running; inside a handler it finds the step by itself. Elsewhere use "
            "the standard library: logging.getLogger(__name__)"
        )
    return ctx.run


def _on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _on_app(name: str) -> str:
    return "state" if name == "state_manager" else name


#: State, for the step that runs here.
state_manager = StateManager(_session)
#: Log lines of the step that runs here, on the loop or in a thread.
logger = Logger(_run)
