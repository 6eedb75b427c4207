"""Discovery: which files are found, as which modules, and what is wrong with them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from motia_fast.discovery import check, discover, load_module, step_files, steps_of
from motia_fast.errors import Mistake
from motia_fast.steps import Step, step
from motia_fast.triggers import http, queue

STEP = "from motia_fast import queue, step\n\n@step(queue())\nasync def {name}(): ...\n"
FILE_FORM = (
    'config = {{"name": "{name}", "triggers": [{{"type": "queue", "topic": "{name}"}}]}}\nasync def handler(): ...\n'
)


@pytest.fixture(autouse=True)
def imports() -> Iterator[None]:
    """Forgets what a test imported."""
    path, modules = list(sys.path), dict(sys.modules)
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]
    sys.modules.update(modules)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(found: tuple[list[Step[..., Any]], list[Mistake]]) -> list[str]:
    steps, mistakes = found
    assert mistakes == []
    return [each.name for each in steps]


# ---------------------------------------------------------------- files


def test_step_files_are_found_below_a_folder_in_the_order_of_their_paths(tmp_path: Path) -> None:
    wanted = ["a_step.py", "b.step.py", "deep/er/c_step.py"]
    others = [
        "helper.py",
        "step.py",
        "_step.py",
        "d_step.txt",
        ".e_step.py",
        ".venv/f_step.py",
        "__pycache__/g_step.py",
    ]
    write(tmp_path, dict.fromkeys([*wanted, *others], ""))
    assert [str(file.relative_to(tmp_path)) for file in step_files(tmp_path)] == wanted


def test_the_steps_of_all_files_are_found(tmp_path: Path) -> None:
    files = {
        "first_step.py": STEP.format(name="one"),
        "second.step.py": STEP.format(name="two"),
        "third_step.py": FILE_FORM.format(name="three"),
        "fourth_step.py": "from motia_fast import noop, step\n"
        "config, handler = step({'name': 'four', 'triggers': [noop()]}, lambda: None)\n",
        "fifth_step.py": "from motia_fast import noop, step\n"
        "declared = step({'name': 'five', 'triggers': [noop()]}, lambda: None)\n",
    }
    found = names(discover(write(tmp_path / "steps", files)))
    assert sorted(found) == ["five", "four", "one", "three", "two"]


def test_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    files = {"a/x_step.py": STEP.format(name="one"), "b/x_step.py": STEP.format(name="two")}
    assert names(discover(write(tmp_path / "steps", files))) == ["one", "two"]


def test_a_step_that_another_file_imports_is_one_step(tmp_path: Path) -> None:
    files = {
        "a_step.py": "from steps.b_step import two\n" + STEP.format(name="one"),
        "b_step.py": STEP.format(name="two"),
        "c_step.py": "from steps.b_step import two as again\nfrom .a_step import one\n" + STEP.format(name="three"),
    }
    steps, mistakes = discover(write(tmp_path / "steps", files))
    assert mistakes == []
    assert sorted(each.name for each in steps) == ["one", "three", "two"]
    assert len({id(each) for each in steps}) == 3


def test_a_file_with_a_dot_in_its_name_may_import_its_neighbours(tmp_path: Path) -> None:
    files = {
        "mail.step.py": "from .names import NAME\nfrom motia_fast import queue, step\n\n"
        "@step(queue(), name=NAME)\nasync def it(): ...\n",
        "names.py": "NAME = 'mail'\n",
    }
    assert names(discover(write(tmp_path / "steps", files))) == ["mail"]


def test_two_files_whose_names_differ_by_the_dot_are_two_modules(tmp_path: Path) -> None:
    files = {"mail.step.py": STEP.format(name="one"), "mail_step.py": STEP.format(name="two")}
    assert sorted(names(discover(write(tmp_path / "steps", files)))) == ["one", "two"]


@pytest.mark.parametrize("folder", ["steps", "email", "my-steps", "with space", "json"])
def test_a_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    assert names(discover(write(tmp_path / folder, {"a_step.py": STEP.format(name="one")}))) == ["one"]


def test_two_folders_of_one_name_are_both_found(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = write(tmp_path / name / "steps", {"a_step.py": STEP.format(name=name)})
        assert names(discover(folder)) == [name]


def test_a_folder_is_found_twice_with_the_same_steps(tmp_path: Path) -> None:
    files = {"a_step.py": STEP.format(name="one"), "b_step.py": FILE_FORM.format(name="two")}
    folder = write(tmp_path / "steps", files)
    assert discover(folder)[0] == discover(str(folder))[0]


def test_a_file_that_runs_already_is_not_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / "steps", {"a_step.py": STEP.format(name="one")}) / "a_step.py"
    main = ModuleType("__main__")
    main.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert load_module(file, tmp_path) is main


def test_a_module_has_the_name_by_which_others_import_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "steps", {"deep/a_step.py": STEP.format(name="one")})
    [found], _ = discover(folder)
    assert importlib.import_module("steps.deep.a_step").one is found


def test_a_folder_that_is_a_package_runs_its_init_first(tmp_path: Path) -> None:
    files = {"__init__.py": "NAME = 'one'\n", "a_step.py": "from steps import NAME\n" + STEP.format(name="one")}
    assert names(discover(write(tmp_path / "steps", files))) == ["one"]


# ---------------------------------------------------------------- what is wrong with files


def test_a_file_that_does_not_import_is_a_mistake_and_the_others_are_found(tmp_path: Path) -> None:
    files = {
        "a_step.py": "import json\n\n\ndef load():\n    import nothing_of_this_name\n\n\nload()\n",
        "b_step.py": "def broken(:\n    pass\n",
        "c_step.py": "raise SystemExit(3)\n",
        "d_step.py": STEP.format(name="good"),
        "e.step.py": "1 / 0\n",
    }
    steps, mistakes = discover(write(tmp_path / "steps", files))
    assert [each.name for each in steps] == ["good"]
    assert [mistake.where for mistake in mistakes] == [
        "steps/a_step.py",
        "steps/b_step.py",
        "steps/c_step.py",
        "steps/e.step.py",
    ]
    missing, syntax, ended, divided = (mistake.what for mistake in mistakes)
    assert missing.startswith("cannot be imported:\nTraceback (most recent call last):\n")
    assert missing.count("  File ") == 2  # the user's two frames, and none of the import machinery
    assert missing.endswith("ModuleNotFoundError: No module named 'nothing_of_this_name'")
    assert "b_step.py" in syntax
    assert syntax.endswith("SyntaxError: invalid syntax")
    assert ended.endswith("SystemExit: 3")
    assert divided.endswith("ZeroDivisionError: division by zero")


def test_a_file_that_failed_is_tried_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "steps", {"a.step.py": "1 / 0\n", "b_step.py": "1 / 0\n"})
    assert len(discover(folder)[1]) == 2
    write(folder, {"a.step.py": STEP.format(name="first"), "b_step.py": STEP.format(name="second_one")})
    assert names(discover(folder)) == ["first", "second_one"]


def test_a_broken_package_is_told_with_its_traceback(tmp_path: Path) -> None:
    files = {"__init__.py": "import nothing_of_this_name\n", "a_step.py": STEP.format(name="one")}
    _, [mistake] = discover(write(tmp_path / "steps", files))
    assert mistake.what.endswith("ModuleNotFoundError: No module named 'nothing_of_this_name'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'has no step; write @step(..), or "config" and "handler"'),
        ("async def handler(): ...\n", 'has no step; write @step(..), or "config" and "handler"'),
    ],
)
def test_a_file_without_a_step_is_a_mistake(tmp_path: Path, text: str, expected: str) -> None:
    assert discover(write(tmp_path / "steps", {"a_step.py": text})) == ([], [Mistake("steps/a_step.py", expected)])


def test_a_config_without_a_handler_is_a_mistake_of_its_step(tmp_path: Path) -> None:
    text = 'config = {"name": "A", "triggers": [{"type": "queue", "topic": "a"}]}\n'
    steps, mistakes = discover(write(tmp_path / "steps", {"a_step.py": text}))
    assert mistakes == []
    assert check(steps) == [
        Mistake(
            'steps/a_step.py, step "A"',
            'there is a "config" but no "handler"; write `async def handler(input, ctx): ..`',
        )
    ]


def test_a_folder_that_is_not_there_or_empty_is_a_mistake(tmp_path: Path) -> None:
    assert discover(tmp_path / "none") == ([], [Mistake(str(tmp_path / "none"), "there is no such folder")])
    assert discover(tmp_path) == ([], [Mistake(str(tmp_path), "there is no *_step.py and no *.step.py in it")])


# ---------------------------------------------------------------- modules


def test_a_module_may_have_a_config_of_another_kind_beside_its_steps() -> None:
    module = ModuleType("settings")
    module.__dict__.update(config=object(), one=step(queue(), name="one")(lambda: None))
    assert [each.name for each in steps_of(module)] == ["one"]


def test_one_step_under_two_names_is_one() -> None:
    module = ModuleType("names")
    made = step(queue(), name="one")(lambda: None)
    module.__dict__.update(one=made, two=made, pair=("config", made))
    assert steps_of(module) == [made]


# ---------------------------------------------------------------- the whole application


def declared(name: str, *triggers: Any, **options: Any) -> Step[..., Any]:
    return step(*(triggers or (queue(),)), name=name, **options)(lambda: None)


def what(*steps: Step[..., Any]) -> list[str]:
    return [mistake.what for mistake in check(steps)]


def test_two_steps_of_one_name_are_a_mistake() -> None:
    first, second = declared("a"), declared("a")
    assert what(first, first) == []
    [mistake] = check([first, second])
    assert mistake.where.endswith('step "a"')
    assert mistake.what.startswith("another step has this name, in ")
    assert f"test_discovery.py line {first.line}; a name is a step's identity" in mistake.what


def test_routes_that_cannot_stand_together_are_a_mistake() -> None:
    steps = [
        declared("a", http("GET", "/orders/:id")),
        declared("b", http("POST", "/orders/:id"), http("GET", "/orders/{order}")),
        declared("c", http("GET", "/orders/new")),
        declared("d", http("GET", "/healthz")),
        declared("e", http("GET", "orders")),
    ]
    conflict, reserved, relative = check(steps)
    assert conflict.where.endswith('step "b", trigger 2 (http)')
    assert 'GET /orders/{order} is already taken by "/orders/:id"' in conflict.what
    assert 'step "a", trigger 1 (http)' in conflict.what
    assert reserved.what.startswith('path "/healthz" is reserved')
    assert 'must be a string that begins with "/"' in relative.what


def test_a_route_without_path_is_told_once() -> None:
    assert what(declared("a", {"type": "http", "method": "GET"})) == ["option \"path\" is missing, such as '/orders'"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([declared("a", was="b"), declared("b")], 'was="b" is the name of a step that is still there'),
        ([declared("a", was="a")], 'was="a" is the name of a step that is still there'),
        (
            [declared("a", was="old"), declared("b", was="old")],
            'was="old" is said by step "a" too; one can adopt its jobs',
        ),
    ],
)
def test_a_former_name_has_one_heir(steps: list[Step[..., Any]], expected: str) -> None:
    assert what(*steps) == [expected]


def test_all_mistakes_of_all_steps_are_told_at_once() -> None:
    steps = [
        declared("a", queue(max_retry=3), queue(priority=11), flow=["x"]),  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        declared("b", http("GET", "/metrics"), {"type": "state"}),
        declared("a"),
    ]
    assert len(what(*steps)) == 6
