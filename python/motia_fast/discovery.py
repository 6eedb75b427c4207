"""Finds steps in files and modules, and checks the declaration of a whole application."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from motia_fast.errors import DeclarationError, Mistake
from motia_fast.paths import Declared, check_routes
from motia_fast.steps import Step, of_config, shown
from motia_fast.triggers import HttpTrigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

_PATTERN = re.compile(r".+(_step|\.step)\.py")

# ---------------------------------------------------------------- files


def discover(folder: Path | str) -> tuple[list[Step[..., Any]], list[Mistake]]:
    """The steps of all ``*_step.py`` and ``*.step.py`` in a folder and below it, in the order of their paths.

    Folders whose names begin with "." or "_" are left out. The folder's parent goes on the import path, so that a file
    is one module for us and for those that import it (``from steps.mail_step import send``), and a step that is found
    in two files is one step. A file that cannot be imported, or has no step, is a mistake; the others are found anyway.
    """
    folder = Path(folder).resolve()
    if not folder.is_dir():
        return [], [Mistake(str(folder), "there is no such folder")]
    files = step_files(folder)
    if not files:
        return [], [Mistake(str(folder), "there is no *_step.py and no *.step.py in it")]
    _put_on_path(folder.parent)
    steps: dict[int, Step[..., Any]] = {}
    mistakes: list[Mistake] = []
    for file in files:
        found = _steps_of_file(file, folder.parent, mistakes)
        steps |= {id(step): step for step in found}
    return list(steps.values()), mistakes


def step_files(folder: Path) -> list[Path]:
    """The step files in a folder and below it, by path."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "._"]
        found += [Path(root, name) for name in names if _PATTERN.fullmatch(name) and name[0] != "."]
    return sorted(found)


def _steps_of_file(file: Path, root: Path, mistakes: list[Mistake]) -> list[Step[..., Any]]:
    where = shown(str(file))
    try:
        steps = steps_of(load_module(file, root))
    except DeclarationError as error:
        mistakes += error.mistakes
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- it is the user's code that runs
        mistakes.append(Mistake(where, import_failure(error)))
    else:
        if not steps:
            mistakes.append(Mistake(where, 'has no step; write @step(..), or "config" and "handler"'))
        return steps
    return []


def _put_on_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


# ---------------------------------------------------------------- modules


def load_module(file: Path, root: Path) -> ModuleType:
    """Imports a file below `root`, which is on the import path, under the name by which others import it.

    A file that is loaded already, be it as ``__main__``, is not loaded again. One that nobody can import by name
    (``mail.step.py``, or in a folder whose name means another module) gets a name of its own.
    """
    file = file.resolve()
    loaded = _loaded(file)
    if loaded is not None:
        return loaded
    name = ".".join(file.relative_to(root.resolve()).with_suffix("").parts)
    return importlib.import_module(name) if _leads_to(name, file) else _load_as(_own_name(file, name), file)


def _loaded(file: Path) -> ModuleType | None:
    for module in list(sys.modules.values()):
        origin = getattr(module, "__file__", None)
        if isinstance(origin, str) and os.path.basename(origin) == file.name and Path(origin).resolve() == file:  # noqa: PTH119 -- for each module there is
            return module
    return None


def _leads_to(name: str, file: Path) -> bool:
    """Whether ``import name`` would load the file."""
    importlib.invalidate_caches()  # the file may be newer than the last look into its folder
    if "." in file.stem:
        return False
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):  # what the folder's own __init__.py looks for
            raise
        return False
    except ValueError:  # a part of the name is a module without a spec, such as __main__
        return False
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file


def _own_name(file: Path, name: str) -> str:
    """A name that no other file has; in the file's own package where that is its own, so that ``from .`` works."""
    package = name.removesuffix(f".{file.stem}")
    own = re.sub(r"\W", "_", file.stem)
    if "." in file.stem and not file.with_name(f"{own}.py").exists() and _is_package(package, file.parent):
        return f"{package}.{own}"
    return f"motia_fast_file:{file}"


def _is_package(name: str, folder: Path) -> bool:
    try:
        package = importlib.import_module(name)
    except ImportError:
        return False
    return any(Path(path).resolve() == folder for path in getattr(package, "__path__", ()))


def _load_as(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def import_failure(error: BaseException) -> str:
    """What a mistake says of an import that failed: the traceback, from the user's own code on."""
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if not frame.filename.startswith("<frozen") and frame.filename not in _OWN]
    )
    return "cannot be imported:\n" + "".join(told.format()).rstrip()


_OWN = (__file__, importlib.__file__)

# ---------------------------------------------------------------- steps


_of_files: WeakKeyDictionary[ModuleType, Step[..., Any]] = WeakKeyDictionary()


def steps_of(module: ModuleType) -> list[Step[..., Any]]:
    """The steps of a module, each once.

    They are any `Step`, what ``step(config, handler)`` returned, and the one that a plain `config` and `handler` make,
    which is the same one whenever it is asked for.
    """
    found: dict[int, Step[..., Any]] = {}
    for value in list(vars(module).values()):
        step = value[1] if isinstance(value, tuple) and len(value) == 2 else value  # noqa: PLR2004 -- (config, step)
        if isinstance(step, Step):
            found[id(step)] = step
    config, handler = vars(module).get("config"), vars(module).get("handler")
    if config is not None and not isinstance(handler, Step) and (handler is not None or not found):
        step = _of_files.setdefault(module, of_config(config, handler, getattr(module, "__file__", None) or ""))
        found[id(step)] = step
    return list(found.values())


# ---------------------------------------------------------------- the whole application


def check(steps: Sequence[Step[..., Any]]) -> list[Mistake]:
    """All mistakes in the declaration of an application's steps: each by itself, and all of them together."""
    own = [mistake for step in steps for mistake in step.mistakes()]
    return [*own, *_same_names(steps), *_former_names(steps), *check_routes(_routes(steps))]


def _same_names(steps: Iterable[Step[..., Any]]) -> Iterator[Mistake]:
    first: dict[str, Step[..., Any]] = {}
    for step in steps:
        other = first.setdefault(step.name, step)
        if other is not step:
            where = f"{shown(other.file)} line {other.line}" if other.line else shown(other.file)
            yield Mistake(step.where(), f"another step has this name, in {where}; a name is a step's identity")


def _former_names(steps: Sequence[Step[..., Any]]) -> Iterator[Mistake]:
    names = {step.name for step in steps}
    heirs: dict[str, Step[..., Any]] = {}
    for step in steps:
        for old in step.was:
            if old in names:
                yield Mistake(step.where(), f'was="{old}" is the name of a step that is still there')
            elif heirs.setdefault(old, step) is not step:
                yield Mistake(
                    step.where(), f'was="{old}" is said by step "{heirs[old].name}" too; one can adopt its jobs'
                )


def _routes(steps: Iterable[Step[..., Any]]) -> Iterator[Declared]:
    """The routes that can be judged: where method or path is missing, or no string, that is told already."""
    for step in steps:
        for index, trigger in enumerate(step.triggers):
            if isinstance(trigger, HttpTrigger) and trigger.path and trigger.method:
                yield Declared(step.where(index), trigger.method, trigger.path)
