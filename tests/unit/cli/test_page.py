"""docs/cli.md shows commands that exist: each line of a console block is parsed by the program itself."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from motia_fast.cli.program import program
from motia_fast.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
LINES = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()]
ROOT: Any = typer.main.get_command(program)


def found(words: list[str]) -> tuple[Any, list[str], list[str]]:
    """The command of a line, the words that name it, and its arguments."""
    command, path = ROOT, ["motia-fast"]
    while hasattr(command, "commands"):
        name = words[len(path) - 1]
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
        path.append(name)
    return command, path, words[len(path) - 1 :]


def leaves(command: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not hasattr(command, "commands"):
        return {path: command}
    return {k: v for name, each in command.commands.items() for k, v in leaves(each, (*path, name)).items()}


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_page_is_a_command_that_the_program_takes(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *words = shlex.split(line.partition(" < ")[0])
    assert program == "motia-fast"
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    command, path, arguments = found(words)
    command.make_context(" ".join(path), arguments)  # parses, and does not run it


def test_every_command_is_on_the_page() -> None:
    shown = {tuple(found(shlex.split(line)[1:])[1][1:]) for line in LINES}
    assert shown == set(leaves(ROOT))


def test_every_option_that_belongs_to_one_command_is_on_the_page() -> None:
    shared = {
        "--data-dir",
        "--app",
        "--json",
        "--help",
        *(f"--{name.replace('_', '-')}" for name in Settings.model_fields),
    }
    for path, command in leaves(ROOT).items():
        lines = " ".join(line for line in LINES if line.startswith(f"motia-fast {' '.join(path)}"))
        options = {o for p in command.params for o in p.opts if o.startswith("--")} - shared
        assert {option for option in options if option not in lines} == set(), path


def test_run_has_a_flag_for_each_setting_with_its_description_and_default() -> None:
    flags = {param.name: param for param in leaves(ROOT)["run",].params}
    for name, field in Settings.model_fields.items():
        assert flags[name].opts[0] == f"--{name.replace('_', '-')}"
        assert flags[name].default is None, "a flag that is not given must not hide the environment or the code"
        assert flags[name].help.startswith(field.description)
        assert field.default is None or f"[default: {field.default}]" in flags[name].help
