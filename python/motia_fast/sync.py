"""The blocking twins of the ambient names, for `def` handlers and for scripts in whose process an App runs.

``from motia_fast.sync import enqueue, logger, state_manager``. In a handler they speak for its run; elsewhere for the
one App that runs in this process, and then a write returns only when it survives a crash. On a thread that runs an
event loop they refuse, because they would stop it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Unpack

from motia_fast.access import SyncAccess
from motia_fast.ambient import logger
from motia_fast.context import Context, SyncContext, current, new_trace_id
from motia_fast.errors import MotiaError, NoRunningStep
from motia_fast.messages import message_of, meta_of
from motia_fast.state_store import SyncStateManager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from motia_fast.contract import Receipt
    from motia_fast.messages import Options
    from motia_fast.session import SyncSession

__all__ = ["enqueue", "logger", "state_manager"]

#: The sessions of the applications that run in this process.
_applications: list[SyncSession] = []


def enqueue(topic: str | Mapping[str, Any], data: Any = None, **options: Unpack[Options]) -> Receipt:
    """As `SyncContext.enqueue`. Raises `NoRunningStep` where nothing runs, and `MotiaError` on a loop's thread."""
    ctx = _context("enqueue")
    if ctx is not None:
        return ctx.enqueue(topic, data, **options)
    message = message_of(topic, data, options, meta_of(new_trace_id()))
    return _application("enqueue").enqueue([message]).receipts[0]


def _session() -> SyncSession:
    ctx = _context("state_manager")
    return _application("state_manager") if ctx is None else ctx.session


def _context(name: str) -> SyncContext | None:
    refuse_on_loop(f"motia_fast.sync.{name}", f"`from motia_fast import {name}`, and await it")
    ctx = current.get(None)
    # In a thread that an async handler started, such as by asyncio.to_thread, the context is the handler's own.
    return SyncContext(ctx, SyncAccess(ctx.session.engine)) if isinstance(ctx, Context) else ctx


def refuse_on_loop(what: str, instead: str) -> None:
    """Raises `MotiaError` on a thread that runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise MotiaError(f"{what} blocks, and this is the thread of an event loop, which it would stop; use {instead}")


def announce(session: SyncSession) -> None:
    """Makes an application that began to run known to this module."""
    _applications.append(session)


def withdraw(session: SyncSession) -> None:
    """Takes an application that stopped from this module."""
    _applications.remove(session)


def _application(name: str) -> SyncSession:
    if not _applications:
        raise NoRunningStep(
            f"motia_fast.sync.{name} was used where no step is running, and no App runs in this process; run one, or "
            "use Client(data_dir) to speak to one in another process"
        )
    if len(_applications) > 1:
        raise NoRunningStep(
            f"motia_fast.sync.{name} was used where no step is running, and {len(_applications)} Apps run in this "
            "process; say which by its own app.sync"
        )
    return _applications[0]


#: State, for the step that runs here, or for the App of this process.
state_manager = SyncStateManager(_session)
