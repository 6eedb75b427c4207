"""What the package as a whole keeps to: its public names, the names of its files, and what importing it costs."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import motia_fast

PACKAGE = Path(motia_fast.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in {"__init__.py", "__main__.py"})

#: The interface. A name that comes or goes is a decision, which is taken here and told in CHANGELOG.md.
PUBLIC = [
    "App",
    "Client",
    "Context",
    "ContextClosed",
    "Dead",
    "DeclarationError",
    "F",
    "MotiaError",
    "NoRunningStep",
    "NotRunning",
    "Receipt",
    "Request",
    "Response",
    "Retry",
    "Signal",
    "Skip",
    "Snooze",
    "StateManager",
    "Step",
    "StepConfig",
    "StepTimeout",
    "SyncContext",
    "SyncStateManager",
    "TriggerInfo",
    "ValidationFailed",
    "VersionConflict",
    "__version__",
    "all_",
    "any_",
    "cron",
    "enqueue",
    "http",
    "logger",
    "noop",
    "queue",
    "run",
    "state_manager",
    "step",
]

#: Functions that the interface has, or will have: a submodule of one of these names would replace the function in the
#: package as soon as anything imported it.
FUNCTIONS = {"http", "queue", "cron", "state", "stream", "noop", "step", "run", "enqueue", "any_", "all_"}

#: Submodules that are themselves public names.
PUBLIC_MODULES = {"sync", "testing"}

#: Names that say nothing about what a file holds.
EMPTY_WORDS = {"base", "bases", "common", "core", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}


def submodules() -> set[str]:
    children = {path.stem for path in PACKAGE.iterdir() if path.suffix in {".py", ".pyi", ".so"} or path.is_dir()}
    return {name.partition(".")[0] for name in children} - {"__init__", "__main__", "__pycache__"}


def imported_by(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that a new interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_public_names_are_exactly_these() -> None:
    assert sorted(motia_fast.__all__) == sorted(PUBLIC)


def test_every_public_name_exists() -> None:
    assert [name for name in motia_fast.__all__ if not hasattr(motia_fast, name)] == []


def test_no_submodule_has_the_name_of_a_public_function() -> None:
    assert submodules() & ((FUNCTIONS | set(motia_fast.__all__)) - PUBLIC_MODULES) == set()


def test_no_file_has_a_name_that_says_nothing() -> None:
    folders = {path.parent for path in MODULES}
    assert [path for path in [*MODULES, *folders] if path.stem in EMPTY_WORDS] == []


def test_only_the_native_engine_imports_the_extension() -> None:
    importers = {path for path in PACKAGE.rglob("*.py") if "motia_fast._core" in imported_by(path)}
    assert importers <= {PACKAGE / "engine" / "native.py"}


@pytest.mark.parametrize("terminal", ["typer", "click", "rich"])
def test_importing_the_package_does_not_load_the_command_line_s_libraries(terminal: str) -> None:
    assert terminal not in loaded_after("import motia_fast")


def test_the_version_is_that_of_the_installed_package() -> None:
    try:
        expected = version("motia-fast")
    except PackageNotFoundError:
        expected = "0+source"
    assert motia_fast.__version__ == expected


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
