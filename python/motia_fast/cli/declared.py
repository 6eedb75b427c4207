"""``motia-fast steps``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from motia_fast.cli.options import AppTarget, AsJson, DataDir
from motia_fast.cli.output import show, table
from motia_fast.cli.reach import Place, running
from motia_fast.control import views
from motia_fast.errors import DeclarationError, NotRunning

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer

    from motia_fast.app import App


def add_to(program: typer.Typer) -> None:
    """Adds the command."""
    program.command("steps")(steps)


def steps(data_dir: DataDir = None, app: AppTarget = None, as_json: AsJson = False) -> None:
    """Lists the steps: those that --app declares, or those of the running application.

    With --app nothing has to run, and every mistake in the declaration is told.
    """
    place = Place(data_dir, app)
    show(_running(place) if place.app is None else _declared(place.app), as_json, _print)


def _running(place: Place) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = running(place).call("steps")
    except NotRunning as error:
        raise NotRunning(f"{error}; or name the application, which need not run for this: --app app.py") from None
    return answer


def _declared(app: App) -> dict[str, Any]:
    mistakes = app.declaration_mistakes()
    if mistakes:
        raise DeclarationError(mistakes)
    return {"steps": [views.step(step) for step in app.steps]}


def _print(answer: dict[str, Any]) -> None:
    columns = ("step", "trigger", "handler", "enqueues", "declared in")
    table(columns, [row for step in answer["steps"] for row in _rows(step)])


def _rows(step: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """One row for each trigger, and one for a step without."""
    about = (step["kind"], ", ".join(step["enqueues"]) or "-", f"{_near(step['file'])}:{step['line']}")
    for trigger in step["triggers"] or [{"type": "none"}]:
        yield step["name"], _described(trigger), *about


def _near(file: str) -> str:
    """A file's path, from here where it is below."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _described(trigger: dict[str, Any]) -> str:
    match trigger["type"]:
        case "http":
            return f"{trigger['method']} {trigger['path']}"
        case "queue":
            return f"queue {trigger['topic']}"
        case "cron":
            return f"cron {trigger['expression']} ({trigger['timezone']})"
        case kind:
            return str(kind)
