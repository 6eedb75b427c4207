"""What can stand behind ``motia-fast run``; each case in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import motia_fast

STEP = "from motia_fast import step, queue\n@step(queue('{0}'), name='{0}')\nasync def handler(data): ...\n"
APP = "from motia_fast import App\n{0} = App('{0}')\n"

FILES = {
    "app.py": APP.format("app") + "other = App('other')\n",
    "single.py": APP.format("shop") + "alias = shop\n",
    "none.py": "app = 'text'\n",
    "several.py": APP.format("one") + "two = App('two')\n",
    "broken.py": "import json\n\ndef fail():\n    return json.loads('{')\n\nfail()\n",
    "ends.py": "import sys\nsys.exit(3)\n",
    "wants.py": "import missing_module\n",
    "queue.py": APP.format("app"),
    "two.dots.py": APP.format("app"),
    "package/__init__.py": "",
    "package/inner/__init__.py": "",
    "package/inner/app.py": "from ..names import NAME\nfrom motia_fast import App\napp = App(NAME)\n",
    "package/names.py": "NAME = 'packaged'\n",
    "steps/one_step.py": STEP.format("one"),
    "steps/deep/two_step.py": STEP.format("two"),
    "shop/app.py": APP.format("app") + "app.discover('steps')\n",
    "shop/steps/find_step.py": "from app import app\nfrom motia_fast import noop\n"
    "@app.step(noop(), name=app.name + '-found')\nasync def found(): ...\n",
    "plain/app.py": "text = 'no App here'\n",
    "plain/three_step.py": STEP.format("three"),
    "empty/readme.txt": "",
}

APPS = {
    "app.py": ("app", []),  # of several, the one that is called app
    "app.py:other": ("other", []),
    "./app.py": ("app", []),
    "single.py": ("shop", []),  # under two names, but one App
    "single:alias": ("shop", []),
    "app:other": ("other", []),
    "package.inner.app:app": ("packaged", []),
    "package/inner/app.py": ("packaged", []),  # as a part of its package, so that relative imports work
    "steps": ("steps", ["one", "two"]),
    "steps/": ("steps", ["one", "two"]),
    "shop": ("app", ["app-found"]),
    "shop/app.py": ("app", ["app-found"]),  # the step's `from app import app` is the same App
    "plain": ("plain", ["three"]),
    "empty": ("empty", []),
}

HOMES = {"app.py": ".", "shop": "shop", "steps": "steps", "package.inner.app:app": "package/inner"}

REFUSALS = {
    "ap.py": 'there is no such file; did you mean "app.py"?',
    "zzz.py": "there is no such file; a target is app.py, app.py:name, package.module:name or a folder of steps",
    "nowhere/app.py": "there is no such file; a target is",
    "stepz": 'there is no such file, folder or module; did you mean "steps"?',
    "../nothing": "there is no such file",
    "package.outer:app": "there is no such module",
    "app.py:ap": '"ap" is not there; did you mean "app"?',
    "app.py:App": '"App" is a type, not an App; did you mean "app"?',
    "single.py:zzz": '"zzz" is not there; its Apps: shop, alias',
    "none.py": 'has no App; write `app = App("name")` at its top level',
    "none.py:app": '"app" is a str, not an App; write `app = App("name")` at its top level',
    "several.py": "has several Apps (one, two); name one: several.py:one",
    "queue.py": 'Python has a module "queue" of its own; rename the file',
    "two.dots.py": "cannot be imported by its name; rename the file",
    "empty/readme.txt": "cannot be imported by its name; rename the file",
}

#: Loads each target in a child of its own: what a target imports stays in its process.
SHOW = """
import json, os, sys
from motia_fast.app import load_target
from motia_fast.errors import MotiaError

def shown(target):
    try:
        app = load_target(target)
    except MotiaError as error:
        return {"refused": str(error)}
    return {"name": app.name, "steps": sorted(step.name for step in app.steps), "home": str(app.home)}

for target in sys.argv[1:]:
    if os.fork() == 0:
        print(json.dumps([target, shown(target)]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("targets")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> dict[str, dict[str, Any]]:
    environment = os.environ | {"PYTHONPATH": str(Path(motia_fast.__file__).parents[1])}
    targets = [*APPS, *HOMES, *REFUSALS, "broken.py", "ends.py", "wants.py"]
    # -P: the current directory has a queue.py, and is not to be on sys.path.
    command = [sys.executable, "-P", "-c", SHOW, *targets]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("target", APPS)
def test_a_target_is_an_app(loaded: dict[str, dict[str, Any]], target: str) -> None:
    assert (loaded[target].get("name"), loaded[target].get("steps")) == APPS[target], loaded[target]


@pytest.mark.parametrize("target", HOMES)
def test_the_data_is_kept_beside_the_application(loaded: dict[str, dict[str, Any]], folder: Path, target: str) -> None:
    assert loaded[target]["home"] == str(folder / HOMES[target])


@pytest.mark.parametrize("target", REFUSALS)
def test_what_is_no_app_is_refused_with_what_is_nearest(loaded: dict[str, dict[str, Any]], target: str) -> None:
    said = loaded[target]["refused"]
    assert said.startswith("1 mistake in what is to run, nothing was started")
    assert REFUSALS[target] in said


def test_a_file_that_cannot_be_imported_is_told_with_its_own_traceback(
    loaded: dict[str, dict[str, Any]], folder: Path
) -> None:
    said = loaded["broken.py"]["refused"]
    assert f"{folder}/broken.py" in said
    assert "json.decoder.JSONDecodeError" in said
    assert "in fail" in said
    assert "importlib" not in said
    assert "targets.py" not in said
    assert f"{folder}/ends.py" in loaded["ends.py"]["refused"]
    assert "SystemExit: 3" in loaded["ends.py"]["refused"]
    assert "No module named 'missing_module'" in loaded["wants.py"]["refused"]
