"""``motia-fast state``: get, set, list and delete."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from motia_fast.cli.groups import group
from motia_fast.cli.options import AppTarget, AsJson, Data, DataDir, Limit
from motia_fast.cli.output import more, preview, print_json, say, show, table
from motia_fast.cli.reach import answerer
from motia_fast.control.client import collected
from motia_fast.errors import MotiaError

commands = group("State: groups of JSON values by key.")

Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group.")]
SomeGroup = Annotated[
    str | None, typer.Argument(metavar="[GROUP]", help="The group whose items to list.", show_default=False)
]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The key in the group.")]
Ttl = Annotated[float | None, typer.Option(min=0, help="Seconds until it is gone.", show_default=False)]
AfterKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="Only those that follow this key.", show_default=False)
]


@commands.command("get")
def get(group: Group, key: Key, data_dir: DataDir = None, app: AppTarget = None, as_json: AsJson = False) -> None:
    """Prints the value of one item."""
    with answerer(data_dir, app) as asked:
        item = asked.call("state.get", group=group, key=key)
        if item["version"] == 0:
            raise MotiaError(f'there is no item "{key}" in the group "{group}" of {asked.data_dir}')
        show(item, as_json, lambda item: print_json(item["value"]))


@commands.command("set")
def set_(
    group: Group,
    key: Key,
    value: Data,
    ttl: Ttl = None,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Sets the value of one item."""
    with answerer(data_dir, app) as asked:
        written = asked.call("state.set", group=group, key=key, value=value.value, ttl=ttl)
        show(written, as_json, lambda made: say(f"{group}/{key} has version {made['version']}"))


@commands.command("list")
def list_(
    group: SomeGroup = None,
    limit: Limit = 100,
    after: AfterKey = None,
    data_dir: DataDir = None,
    app: AppTarget = None,
    as_json: AsJson = False,
) -> None:
    """Lists the groups, or the items of one in the order in which they were first set."""
    with answerer(data_dir, app) as asked:
        if group is None:
            show(asked.call("state.groups"), as_json, _print_groups)
        else:
            found = collected(asked.call, "state.items", "items", limit, after, group=group)
            show(found, as_json, _print_items)


@commands.command("delete")
def delete(group: Group, key: Key, data_dir: DataDir = None, app: AppTarget = None, as_json: AsJson = False) -> None:
    """Deletes one item; one that is not there is no error."""
    with answerer(data_dir, app) as asked:
        answer = asked.call("state.delete", group=group, key=key)
        show(answer, as_json, lambda made: say(f"{group}/{key} {'deleted' if made['deleted'] else 'was not there'}"))


def _print_groups(answer: dict[str, Any]) -> None:
    table(("group", "items"), [(row["group"], f"{row['items']:,}") for row in answer["groups"]])


def _print_items(page: dict[str, Any]) -> None:
    table(
        ("key", "version", "value"), [(row["key"], str(row["version"]), preview(row["value"])) for row in page["items"]]
    )
    more(page)
