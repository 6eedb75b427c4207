"""``run``: the whole application in one process, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motia_fast.app import banner
from motia_fast.app.application import App
from motia_fast.app.reload import GRACE, own_command, parent_pipe, supervise
from motia_fast.app.targets import load_target
from motia_fast.errors import DeclarationError, Mistake, MotiaError
from motia_fast.observability.logs import configured

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from motia_fast.services import Services
    from motia_fast.settings import Settings

logger = logging.getLogger("motia_fast")


def run(
    target: App | str | Path, *, flags: Mapping[str, Any] | None = None, reload: bool = False, **settings: Any
) -> None:
    """Runs an App, or the one that a target names (`load_target`): HTTP, jobs, schedules and the control socket.

    Returns after SIGINT or SIGTERM: what runs then has `grace` seconds to finish, the rest is released, and nothing
    that was acknowledged is lost; a second signal ends the process at once. `settings` are those of `Settings`; the
    environment lies over them, and `flags` over both. With `reload`, the process watches the App's folder, and runs
    the App in a child that it restarts at each change.

    Raises `SystemExit` with the text of any `MotiaError`: a mistake in the declaration or the settings, a data
    directory or a port that is in use, a disk that failed. Raises `DeclarationError` where an event loop runs already.
    """
    _refuse_in_loop()
    try:
        if reload and parent_pipe() is None:
            _watch(target)
        else:
            _run(target if isinstance(target, App) else load_target(str(target)), settings, flags)
    except MotiaError as error:
        raise SystemExit(f"motia_fast: {error}") from error


def _run(app: App, given: Mapping[str, Any], flags: Mapping[str, Any] | None) -> None:
    settings = app.settings(given, flags)
    if parent_pipe() is not None:
        settings = settings.model_copy(update={"grace": min(settings.grace, GRACE)})
    with configured(settings.log_format, settings.log_level), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(app, settings))


async def _serve(app: App, settings: Settings) -> None:
    services = app.prepare(settings)
    with _signals() as told:
        try:
            await services.open_bound()
            await services.work()
            await services.serve()
            banner.show(services)
            await _until_end(services, told)
        finally:
            await app.close()
    if services.failure is not None:
        raise services.failure


async def _until_end(services: Services, told: asyncio.Event) -> None:
    """Until a signal; an engine that stopped for good is told of by HTTP (503) for the grace period."""
    await _first(told, services.failed)
    if services.failure is None:
        logger.info("Stopping: what runs has %g s to finish", services.plan.settings.grace)
    if services.failure is not None and not told.is_set():
        logger.critical("The engine stopped, and this process will end: %s", services.failure)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), services.plan.settings.grace)


async def _first(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


@contextmanager
def _signals() -> Generator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, and the end of a parent that watches; a second signal ends the process."""
    told = asyncio.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread gets signals
        yield told
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loop = asyncio.get_running_loop()
    _listen(loop, told)
    try:
        yield told
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _listen(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _signalled, number, told)
    parent = parent_pipe()
    if parent is not None:
        # The terminal sends Ctrl-C to parent and child; the parent alone decides, and sends SIGTERM.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        os.set_inheritable(parent, False)  # noqa: FBT003 -- it takes no keywords
        loop.add_reader(parent, _parent_gone, loop, parent, told)


def _signalled(number: int, told: asyncio.Event) -> None:
    if told.is_set():
        sys.stderr.flush()
        os._exit(128 + number)  # what was acknowledged is on the disk already
    told.set()


def _parent_gone(loop: asyncio.AbstractEventLoop, parent: int, told: asyncio.Event) -> None:
    loop.remove_reader(parent)
    told.set()


def _watch(target: App | str | Path) -> None:
    folder = target.home if isinstance(target, App) else _folder(str(target))
    code = supervise(folder, own_command(), _tell)
    if code:
        raise SystemExit(code)


def _tell(text: str) -> None:
    sys.stderr.write(f"motia_fast: {text}\n")
    sys.stderr.flush()


def _folder(target: str) -> Path:
    """What to watch, found without importing anything."""
    path = Path(target.partition(":")[0])
    if path.is_dir():
        return path.resolve()
    return path.resolve().parent if path.is_file() else Path.cwd()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 -- not on every system
    except ImportError:
        return None
    return uvloop.new_event_loop


def _refuse_in_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise DeclarationError(
        [Mistake("run()", "an event loop is running already (as in Jupyter); use `async with app.running():` there")]
    )
