"""``motia-fast enqueue`` and ``motia-fast jobs``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from motia_fast.cli.options import After, AppTarget, AsJson, Data, DataDir, Limit, OfStep
from motia_fast.cli.output import more, note, preview, say, show, table, when
from motia_fast.cli.reach import Answerer, answerer, unknown_step
from motia_fast.control.client import collected
from motia_fast.errors import nearest

JobState = Literal["ready", "scheduled", "running", "dead", "parked", "finished"]

Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="The topic that steps subscribe to.")]
Delay = Annotated[float | None, typer.Option(min=0, help="Seconds until it is ready.", show_default=False)]
RunAt = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"],
        metavar="TIME",
        help="When it is ready, such as 2026-11-24T16:00:00Z.",
        show_default=False,
    ),
]
Priority = Annotated[int | None, typer.Option(min=0, max=9, help="0 to 9, higher first.", show_default=False)]
InState = Annotated[JobState | None, typer.Option(help="Only those in this state.", show_default=False)]


def add_to(program: typer.Typer) -> None:
    """Adds the commands."""
    program.command("enqueue")(enqueue)
    program.command("jobs")(jobs)


def enqueue(
    topic: Topic,
    data: Data,
    delay: Delay = None,
    run_at: RunAt = None,
    priority: Priority = None,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Enqueues a message, and returns when it is on the disk.

    Where nothing runs and no --app says who gets it, the message is parked, and routed when the application starts.
    """
    when_ready = run_at.isoformat() if run_at is not None else None
    with answerer(data_dir, app) as asked:
        made = asked.call("enqueue", topic=topic, data=data.value, delay=delay, run_at=when_ready, priority=priority)
        show(made, as_json, lambda made: say(_became(made, topic, asked)))


def jobs(
    state: InState = None,
    step: OfStep = None,
    limit: Limit = 100,
    after: After = 0,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Lists unfinished jobs, by id.

    Two more lists are states here: the messages that are parked, because no step consumes their topic, and the jobs
    that finished last, which only the running process knows.
    """
    with answerer(data_dir, app) as asked:
        if state == "parked":
            show(collected(asked.call, "parked", "messages", limit, after), as_json, _print_parked)
        elif state == "finished":
            found = _finished(asked, step, limit, after)
            show(found, as_json, _print_finished)
            note(unknown_step(asked, step, found["jobs"]))
        else:
            found = collected(asked.call, "jobs", "jobs", limit, after, state=state, step=step)
            show(found, as_json, _print_jobs)
            note(unknown_step(asked, step, found["jobs"]))


def _became(made: dict[str, Any], topic: str, asked: Answerer) -> str:
    message = f"message {made['message_id']}"
    if made["job_ids"]:
        return f"{message}: job {', '.join(map(str, made['job_ids']))}"
    if not made["parked"]:
        return f"{message}: no job, since no condition of a step that subscribes to {topic} is true"
    if not asked.running and not asked.declares:
        return f"{message} is parked: nothing runs on {asked.data_dir}; it is routed when the application starts"
    triggers = [trigger for step in asked.call("steps")["steps"] for trigger in step["triggers"]]
    topics = {trigger["topic"] for trigger in triggers if trigger["type"] == "queue"}
    return f"{message} is parked: no step subscribes to {topic}{nearest(topic, topics)}"


def _finished(asked: Answerer, step: str | None, limit: int, after: int) -> dict[str, Any]:
    rows = [row for row in asked.call("finished")["jobs"] if step in (None, row["step"]) and row["id"] > after]
    return {"jobs": rows[-limit:], "next": None}


def _print_jobs(page: dict[str, Any]) -> None:
    columns = ("id", "subscription", "state", "attempt", "priority", "enqueued", "due", "data")
    table(columns, [_job(row) for row in page["jobs"]])
    more(page)


def _job(row: dict[str, Any]) -> tuple[str, ...]:
    state = f"{row['state']}, orphaned" if row["orphaned"] else row["state"]
    due = when(row["at"]) if row["state"] == "scheduled" else "-"
    numbers = (str(row["attempt"]), str(row["priority"]))
    return str(row["id"]), row["subscription"], state, *numbers, when(row["enqueued"]), due, preview(row["payload"])


def _print_parked(page: dict[str, Any]) -> None:
    rows = [(str(m["message_id"]), m["topic"], when(m["until"]), preview(m["payload"])) for m in page["messages"]]
    table(("message", "topic", "kept until", "data"), rows)
    more(page)


def _print_finished(page: dict[str, Any]) -> None:
    rows = [
        (str(row["id"]), row["subscription"], row["outcome"], str(row["attempt"]), when(row["at"]))
        for row in page["jobs"]
    ]
    table(("id", "subscription", "outcome", "attempt", "finished"), rows)
