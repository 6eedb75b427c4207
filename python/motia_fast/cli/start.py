"""``motia-fast run``: one flag for each setting."""

from __future__ import annotations

import inspect
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from motia_fast.app import run as run_target
from motia_fast.settings import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def add_to(program: typer.Typer) -> None:
    """Adds the command; its parameters are made from `Settings`, which the signature tells typer."""
    flags = [_flag(name, field) for name, field in Settings.model_fields.items()]
    run.__signature__ = inspect.Signature([_TARGET, _RELOAD, *flags])  # type: ignore[attr-defined]
    program.command("run")(run)


def run(target: str, reload: bool, **flags: Any) -> None:
    """Runs an application until SIGINT or SIGTERM: HTTP, jobs and schedules.

    A flag lies over the environment (MOTIA_FAST_PORT for --port), that over what the code says.
    """
    run_target(target, flags=flags, reload=reload)


def _flag(name: str, field: FieldInfo) -> Parameter:
    default = "" if field.default is None else f" [default: {field.default}]"
    option = typer.Option(help=f"{field.description}{default}", show_default=False)
    kind: Any = field.annotation
    annotated: Any = Annotated
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotated[kind | None, option])


_TARGET = Parameter(
    "target",
    Parameter.POSITIONAL_OR_KEYWORD,
    annotation=Annotated[
        str,
        typer.Argument(metavar="TARGET", help="app.py, app.py:name, package.module:name or a folder of steps."),
    ],
)
_RELOAD = Parameter(
    "reload",
    Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--reload", help="Start again when a file changes.", show_default=False)],
)
