"""From what is written behind ``motia-fast run`` to an App."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from motia_fast.app.application import App
from motia_fast.errors import DeclarationError, Mistake

if TYPE_CHECKING:
    from types import ModuleType


def load_target(target: str) -> App:
    """The App of ``app.py``, ``app.py:name``, ``package.module:name``, or of a folder of steps.

    A folder becomes an App of its own, with its data directory in the folder. The file's folder goes on `sys.path`, and
    the file is imported under its own name, so that ``from app import app`` in a step finds the same App. Raises
    `DeclarationError` where there is no such file, module or App, or where it cannot be imported (with the traceback).
    """
    path, _, name = target.rpartition(":") if ":" in target else (target, "", "")
    if not name and Path(path).is_dir():
        return _of_folder(Path(path).resolve())
    module = _module_of_file(Path(path)) if path.endswith(".py") or Path(path).is_file() else _module_of_name(path)
    return _app_of(module, name, target)


def _of_folder(folder: Path) -> App:
    app = App(folder.name, home=folder)
    app.discover(folder)
    return app


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise _mistake(str(path), "there is no such file")
    path = path.resolve()
    loaded = sys.modules.get(path.stem)
    if loaded is not None and Path(getattr(loaded, "__file__", None) or "").resolve() == path:
        return loaded
    if loaded is not None:
        raise _mistake(str(path), f'another module is called "{path.stem}" already; rename the file')
    _put_first(path.parent)
    return _imported(path.stem, str(path))


def _module_of_name(name: str) -> ModuleType:
    _put_first(Path.cwd())
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        raise _mistake(
            name,
            "there is no such file, folder or module; a target is app.py, app.py:name, package.module:name or a folder",
        )
    return _imported(name, name)


def _imported(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except DeclarationError:
        raise
    except Exception:  # noqa: BLE001 -- it is the user's code
        raise _mistake(where, f"cannot be imported:\n{_traceback()}") from None


def _traceback() -> str:
    """From the file's own code on: what the import machinery and this module did says nothing."""
    error = sys.exc_info()[1]
    frames = traceback.TracebackException.from_exception(error) if error else None
    if frames is None:
        return ""
    shown = [f for f in frames.stack if not f.filename.startswith("<frozen") and f.filename not in _OWN]
    frames.stack = traceback.StackSummary.from_list(shown)
    return "".join(frames.format()).rstrip()


_OWN = (__file__, importlib.__file__)


def _app_of(module: ModuleType, name: str, target: str) -> App:
    if name:
        found = getattr(module, name, None)
        if not isinstance(found, App):
            raise _mistake(target, f'"{name}" is not an App there, but {type(found).__name__}{_listed(module)}')
        return found
    apps = {id(value): value for value in vars(module).values() if isinstance(value, App)}
    if len(apps) == 1:
        return next(iter(apps.values()))
    if isinstance(app := getattr(module, "app", None), App):
        return app
    if not apps:
        raise _mistake(target, 'has no App; write `app = App("name")` at its top level')
    raise _mistake(target, f"has several Apps; say which one{_listed(module)}")


def _listed(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, App)]
    return f" (there is {', '.join(names)})" if names else ""


def _put_first(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _mistake(where: str, what: str) -> DeclarationError:
    return DeclarationError([Mistake(where, what)])
