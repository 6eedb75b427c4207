"""``motia-fast stats``."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from motia_fast.cli.options import AppTarget, AsJson, DataDir
from motia_fast.cli.output import fields, print_json, say, show, table
from motia_fast.cli.reach import Answerer, Place, answerer, running

_GAUGES = ("ready", "scheduled", "running", "dead")
#: Those that fit on a terminal of 80 columns; --json has all.
_COUNTERS = ("done", "failed")
_CLEAR = "\x1b[H\x1b[2J"

Watch = Annotated[bool, typer.Option("--watch", help="Print again and again, until Ctrl-C.", show_default=False)]
Interval = Annotated[float, typer.Option(min=0.1, help="Seconds between two of --watch.")]


def add_to(program: typer.Typer) -> None:
    """Adds the command."""
    program.command("stats")(stats)


def stats(
    watch: Watch = False,
    interval: Interval = 2.0,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Prints what waits, what runs, and what was done since the start.

    --watch follows a running application; with --json it prints one line each time.
    """
    if watch:
        _follow(running(Place(data_dir, app)), interval, as_json)
    with answerer(data_dir, app) as asked:
        show(_stats(asked), as_json, _print)


def _follow(asked: Answerer, interval: float, as_json: bool) -> None:
    while True:
        answer = _stats(asked)
        if as_json:
            print_json(answer, indent=None)
        else:
            sys.stdout.write(_CLEAR if sys.stdout.isatty() else "")
            _print(answer)
        sys.stdout.flush()
        time.sleep(interval)


def _stats(asked: Answerer) -> dict[str, Any]:
    answer: dict[str, Any] = asked.call("stats")
    return {**answer, "running": asked.running, "pid": answer["pid"] if asked.running else None}


def _print(answer: dict[str, Any]) -> None:
    fields(_about(answer))
    say("")
    columns = ("subscription", *_GAUGES, "oldest", *_COUNTERS)
    table(columns, [_row(each) for each in answer["subscriptions"]])


def _about(answer: dict[str, Any]) -> dict[str, str]:
    who = f"process {answer['pid']}" if answer["running"] else "nothing runs; read from the directory"
    database = f"{_size(answer['database_bytes'])}, and {_size(answer['wal_bytes'])} in the log"
    lines = {
        "application": who,
        "data": str(answer["data_dir"]),
        "engine": f"{answer['engine']}, durability {answer['durability']}",
        "database": database + (", the disk is nearly full" if answer["disk_low"] else ""),
        "parked": f"{answer['parked']:,}",
        "unmatched": ", ".join(f"{topic} {n:,}" for topic, n in sorted(answer["unmatched"].items())) or "0",
    }
    return lines | ({"stopped": answer["failure"]} if answer["failure"] else {})


def _row(each: dict[str, Any]) -> list[str]:
    name = f"{each['subscription']} (orphaned)" if each["orphaned"] else each["subscription"]
    gauges, counters = ([f"{each[column]:,}" for column in columns] for columns in (_GAUGES, _COUNTERS))
    return [name, *gauges, f"{each['oldest']:.1f} s", *counters]


def _size(size: int) -> str:
    """Such as ``1.5 MiB``."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:  # noqa: PLR2004 -- the factor between two units
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"
