"""``motia-fast cron``: list and run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from motia_fast.cli.groups import group
from motia_fast.cli.options import AppTarget, AsJson, DataDir
from motia_fast.cli.output import say, show, table, when
from motia_fast.cli.reach import answerer

commands = group("Schedules: the cron triggers of steps.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The step, or the subscription (step/cron).")]


@commands.command("list")
def list_(data_dir: DataDir = None, app: AppTarget = None, as_json: AsJson = False) -> None:
    """Lists the schedules, with the last tick (or when it was declared) and the next."""
    with answerer(data_dir, app) as asked:
        show(asked.call("cron.list"), as_json, _print)


@commands.command("run")
def run(name: Name, data_dir: DataDir = None, app: AppTarget = None, as_json: AsJson = False) -> None:
    """Fires a step's tick now, beside its schedule."""
    with answerer(data_dir, app) as asked:
        fired = asked.call("cron.run", name=name)
        later = "" if asked.running else "; it runs when the application starts"
        show(fired, as_json, lambda made: say(f"{made['step']}: job {made['job_ids'][0]}{later}"))


def _print(answer: dict[str, Any]) -> None:
    table(("subscription", "schedule", "zone", "last", "next"), [_row(row) for row in answer["schedules"]])


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    following = "never: no longer declared" if row["orphaned"] else when(row["next"])
    return row["subscription"], row["expression"], row["timezone"], when(row["last"]), following
