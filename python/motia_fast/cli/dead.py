"""``motia-fast dead``: list, show, retry and purge."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from motia_fast.cli.groups import group
from motia_fast.cli.options import After, AppTarget, AsJson, DataDir, Json, Limit, OfStep, json_of
from motia_fast.cli.output import count, fields, more, note, preview, print_json, say, show, table, when
from motia_fast.cli.reach import answerer, unknown_step
from motia_fast.control.client import collected

commands = group("Dead letters: jobs that gave up.")

Id = Annotated[int, typer.Argument(metavar="ID", help="The job's id.")]
Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="The ids of jobs.", show_default=False)]
Every = Annotated[bool, typer.Option("--all", help="Every one there is.", show_default=False)]
Payload = Annotated[
    Json | None,
    typer.Option(
        parser=json_of, metavar="JSON", help="Data that replaces that of the one job named.", show_default=False
    ),
]


@commands.command("list")
def list_(
    step: OfStep = None,
    limit: Limit = 100,
    after: After = 0,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Lists dead letters, by id."""
    with answerer(data_dir, app) as asked:
        found = collected(asked.call, "dead.list", "jobs", limit, after, step=step)
        show(found, as_json, _print_list)
        note(unknown_step(asked, step, found["jobs"]))


@commands.command("show")
def show_(job: Id, data_dir: DataDir = None, app: AppTarget = None, as_json: AsJson = False) -> None:
    """Shows one dead letter: its data, and how each attempt failed."""
    with answerer(data_dir, app) as asked:
        show(asked.call("dead.show", job=job), as_json, _print_letter)


@commands.command("retry")
def retry(
    ctx: typer.Context,
    jobs: Ids = None,
    step: OfStep = None,
    every: Every = False,
    payload: Payload = None,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Runs dead letters again, with all their attempts before them: those named, of one step, or all."""
    _require_choice(ctx, jobs, step, every=every)
    edit = {} if payload is None else {"payload": payload.value}
    with answerer(data_dir, app) as asked:
        answer = asked.call("dead.retry", jobs=jobs or [], step=step, every=every, **edit)
        later = "" if asked.running else "; they run when the application starts"
        show(answer, as_json, lambda made: say(f"{count(made['retried'], 'dead letter')} ready again{later}"))
        note(unknown_step(asked, step, answer["retried"]))


@commands.command("purge")
def purge(
    ctx: typer.Context,
    jobs: Ids = None,
    step: OfStep = None,
    every: Every = False,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Forgets dead letters for good: those named, of one step, or all."""
    _require_choice(ctx, jobs, step, every=every)
    with answerer(data_dir, app) as asked:
        answer = asked.call("dead.purge", jobs=jobs or [], step=step, every=every)
        show(answer, as_json, lambda made: say(f"{count(made['purged'], 'dead letter')} purged"))
        note(unknown_step(asked, step, answer["purged"]))


def _require_choice(ctx: typer.Context, jobs: list[int] | None, step: str | None, *, every: bool) -> None:
    """Ends the command as one that is written wrongly, unless it says in one way which dead letters are meant."""
    if [bool(jobs), step is not None, every].count(True) != 1:
        ctx.fail("name job ids, or --step STEP, or --all: exactly one of these")


def _print_list(page: dict[str, Any]) -> None:
    table(("id", "subscription", "reason", "error", "attempts", "died", "data"), [_row(row) for row in page["jobs"]])
    more(page)


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    last = row["attempts"][-1] if row["attempts"] else {"reason": "-", "type": "-", "message": ""}
    about = (str(len(row["attempts"])), when(row["at"]), preview(row["payload"]))
    return str(row["id"]), row["subscription"], last["reason"], _error(last), *about


def _error(attempt: dict[str, Any]) -> str:
    first, _, rest = attempt["message"].strip().partition("\n")
    return f"{attempt['type']}: {first}" + (" [..]" if rest else "")


def _print_letter(letter: dict[str, Any]) -> None:
    trace = (letter["meta"] or {}).get("trace") if isinstance(letter["meta"], dict) else None
    fields(
        {
            "job": f"{letter['id']} of message {letter['message_id']}",
            "subscription": letter["subscription"],
            "enqueued": when(letter["enqueued"]),
            "died": when(letter["at"]),
            "priority": str(letter["priority"]),
            "crashes": str(letter["crashes"]),
            "trace": trace or "-",
        }
    )
    say("data")
    print_json(letter["payload"])
    for attempt in letter["attempts"]:
        say(f"\nfailure {attempt['number']} at {when(attempt['at'])} ({attempt['reason']})")
        say((attempt["traceback"] or f"{attempt['type']}: {attempt['message']}").rstrip())
