"""From ``--data-dir`` and ``--app`` to somebody who answers: the running process, or the directory itself at rest."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from motia_fast.app import load_target
from motia_fast.control.admin import Admin
from motia_fast.control.client import Client
from motia_fast.engine import open_engine
from motia_fast.errors import ControlError, DataDirLocked, DeclarationError, NotRunning, nearest
from motia_fast.services import Plan
from motia_fast.settings import resolve
from motia_fast.worker.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from motia_fast.app import App
    from motia_fast.contract import Engine

VARIABLE = "MOTIA_FAST_DATA_DIR"
DEFAULT = Path(".motia_fast")
#: The application may keep dead letters for longer than the default, and only it may say that they go.
UNDECLARED = {"dead_for": 100 * 365 * 86_400.0}
#: Seconds for which a directory may be in use by a process that does not answer yet, or not any more.
STARTING = 3.0


class Answerer(NamedTuple):
    """Who answers."""

    #: Asks a verb of `control.admin.Admin`.
    call: Callable[..., Any]
    data_dir: Path
    #: Whether it is the running process.
    running: bool
    #: Whether the steps are declared: always where it runs, and at rest by ``--app``.
    declares: bool


def unknown_step(asked: Answerer, step: str | None, found: object) -> str | None:
    """Why nothing was `found` for a step, where no such one is declared; None otherwise, and where nobody knows."""
    if step is None or found or not asked.declares:
        return None
    names = [each["name"] for each in asked.call("steps")["steps"]]
    if step in names:
        return None
    known = nearest(step, names) or f"; the steps are {', '.join(names) or 'none'}"
    return f'there is no step "{step}"{known}'


class Place:
    """Which data directory is meant, and how that came to be."""

    def __init__(self, data_dir: Path | None, target: str | None) -> None:
        """What was given on the command line."""
        self._flag = data_dir
        self.target = target

    @cached_property
    def app(self) -> App | None:
        """The application, imported when it is first asked for."""
        return None if self.target is None else load_target(self.target)

    @cached_property
    def found(self) -> tuple[Path, str]:
        """The directory, absolute, and why it is this one."""
        directory, why = self._chosen()
        return directory.absolute(), why

    def _chosen(self) -> tuple[Path, str]:
        variable = os.environ.get(VARIABLE)
        if self._flag is not None:
            return self._flag, "given by --data-dir"
        if variable:
            return Path(variable), f"given by {VARIABLE}"
        if self.app is not None:
            return self.app.settings().data_dir or DEFAULT, f"the one of --app {self.target}"
        return DEFAULT, f"the default, since there is no --data-dir, {VARIABLE} or --app"

    def plan(self) -> Plan:
        """What is declared, and the settings, for a directory at rest. Raises `DeclarationError`, `SettingsError`."""
        directory, _ = self.found
        if self.app is None:
            return Plan(None, "", (), resolve(UNDECLARED, {"data_dir": directory, "durability": "sync"}))
        mistakes = self.app.declaration_mistakes()
        if mistakes:
            raise DeclarationError(mistakes)
        settings = self.app.settings({}, {"data_dir": directory, "durability": "sync"})
        return Plan(self.app, self.app.name, self.app.steps, settings)

    def require_data(self) -> None:
        """Raises `NotRunning` where no engine ever kept anything: a command creates no data directory."""
        directory, why = self.found
        if not (directory / "engine.db").is_file():
            raise NotRunning(
                f"there is no data in {directory} ({why}), and no application is running on it; name the "
                f"application's data directory (--data-dir, {VARIABLE}) or the application (--app), or start it with "
                "`motia-fast run TARGET`"
            )


@contextmanager
def answerer(data_dir: Path | None, target: str | None) -> Generator[Answerer]:
    """Who answers for the data directory that is meant.

    Raises `NotRunning` where there is no data directory, and `ControlError` where a process has it and does not answer.
    """
    place = Place(data_dir, target)
    with ExitStack() as stack:
        yield _running(place) or _whichever(place, stack)


def running(place: Place) -> Answerer:
    """The running process alone. Raises `NotRunning`."""
    directory, _ = place.found
    client = Client(directory)
    client.call("ping")
    return Answerer(client.call, directory, running=True, declares=True)


def _running(place: Place) -> Answerer | None:
    try:
        return running(place)
    except NotRunning:
        return None


def _whichever(place: Place, stack: ExitStack) -> Answerer:
    # Between taking the directory and listening, and again at its end, a process has the lock but no socket.
    deadline = time.monotonic() + STARTING
    while True:
        try:
            return _at_rest(place, stack)
        except DataDirLocked as error:
            if time.monotonic() > deadline:
                raise ControlError(
                    f"{error}. It does not answer on the control socket: it is starting or stopping, or is a program "
                    "that only uses the engine (`async with app:`), or another motia-fast command; try again"
                ) from None
        time.sleep(0.05)
        found = _running(place)
        if found is not None:
            return found


def _at_rest(place: Place, stack: ExitStack) -> Answerer:
    place.require_data()
    plan = place.plan()
    engine: Engine = open_engine(plan.settings.engine, plan.engine_settings())
    stack.callback(engine.close)
    admin = Admin(engine) if place.app is None else _declared(engine, plan)
    directory, _ = place.found
    declares = place.app is not None
    return Answerer(lambda verb, **args: admin.call(verb, args), directory, running=False, declares=declares)


def _declared(engine: Engine, plan: Plan) -> Admin:
    """The verbs for an application that does not run, as its own process would answer them."""
    engine.register(plan.subscriptions())
    if not plan.settings.validate_enqueue:
        return Admin(engine, plan.steps)
    return Admin(engine, plan.steps, check=Inputs(plan.steps).check)
