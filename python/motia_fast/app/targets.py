"""From what is written behind ``motia-fast run`` to an App."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from motia_fast.app.application import App
from motia_fast.errors import DeclarationError, Mistake, nearest

if TYPE_CHECKING:
    from types import ModuleType

_KINDS = "a target is app.py, app.py:name, package.module:name or a folder of steps"


def load_target(target: str) -> App:
    """The App of ``app.py``, ``app.py:name``, ``package.module:name``, or of a folder of steps.

    A folder with an ``app.py`` that has an App is that App; any other becomes an App of its own, with its data
    directory in the folder. A file is imported under the name by which its own steps import it (``from app import
    app``, or ``from package.app import app`` inside a package), so that they find the same App. Raises
    `DeclarationError` where there is no such file, module or App, or where it cannot be imported (with the traceback).
    """
    path, _, name = target.rpartition(":") if ":" in target else (target, "", "")
    if not name and Path(path).is_dir():
        return _of_folder(Path(path).resolve())
    is_file = path.endswith(".py") or os.sep in path or Path(path).is_file()
    module = _module_of_file(Path(path)) if is_file else _module_of_name(path)
    return _app_of(module, name, target)


def _of_folder(folder: Path) -> App:
    if (folder / "app.py").is_file():
        module = _module_of_file(folder / "app.py")
        if _apps(module):
            return _app_of(module, "", str(folder / "app.py"))
    app = App(folder.name, home=folder)
    app.discover(folder)
    return app


# ---------------------------------------------------------------- the module


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise _mistake(str(path), f"there is no such file{_nearest_in(path.parent, path.name)}")
    path = path.resolve()
    root = path.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    _refuse_taken(name, path)
    _put_first(root)
    return _imported(name, str(path))


def _refuse_taken(name: str, path: Path) -> None:
    """A file whose name imports another module would be one module here and another one in its steps."""
    if "." in path.stem or path.suffix != ".py":
        raise _mistake(str(path), "cannot be imported by its name; rename the file to one word and .py")
    if name in sys.stdlib_module_names:
        raise _mistake(str(path), f'Python has a module "{name}" of its own; rename the file')
    loaded = sys.modules.get(name)
    if loaded is not None and not _is(loaded, path):
        raise _mistake(str(path), f'another module is called "{name}" already; rename the file')


def _is(module: ModuleType, path: Path) -> bool:
    return Path(getattr(module, "__file__", None) or "").resolve() == path


def _module_of_name(name: str) -> ModuleType:
    _put_first(Path.cwd())
    top = name.partition(".")[0]
    if not top.isidentifier() or importlib.util.find_spec(top) is None:
        raise _mistake(name, f"there is no such file, folder or module{_nearest_in(Path.cwd(), name)}")
    return _imported(name, name)


def _imported(name: str, where: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except DeclarationError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- it is the user's code
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            raise _mistake(where, "there is no such module") from None
        raise _mistake(where, f"cannot be imported:\n{_traceback(error)}") from None


def _traceback(error: BaseException) -> str:
    """From the file's own code on: what the import machinery and this module did says nothing."""
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list(
        [f for f in told.stack if not f.filename.startswith("<frozen") and f.filename not in _OWN]
    )
    return "".join(told.format()).rstrip()


_OWN = (__file__, importlib.__file__)


# ---------------------------------------------------------------- the App in it


def _app_of(module: ModuleType, name: str, target: str) -> App:
    apps = _apps(module)
    if name:
        return _named(module, name, target)
    if "app" in apps or len(set(map(id, apps.values()))) == 1:
        return apps.get("app") or next(iter(apps.values()))
    if not apps:
        raise _mistake(target, 'has no App; write `app = App("name")` at its top level')
    raise _mistake(target, f"has several Apps ({', '.join(apps)}); name one: {target}:{next(iter(apps))}")


def _named(module: ModuleType, name: str, target: str) -> App:
    found = getattr(module, name, None)
    if isinstance(found, App):
        return found
    what = f"is a {type(found).__name__}, not an App" if hasattr(module, name) else "is not there"
    apps = _apps(module)
    there = f"; its Apps: {', '.join(apps)}" if apps else '; write `app = App("name")` at its top level'
    raise _mistake(target, f'"{name}" {what}{nearest(name, apps) or there}')


def _apps(module: ModuleType) -> dict[str, App]:
    return {name: value for name, value in vars(module).items() if isinstance(value, App)}


def _nearest_in(folder: Path, name: str) -> str:
    try:
        entries = [entry.name for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir()]
    except OSError:
        entries = []
    return nearest(name, entries) or f"; {_KINDS}"


def _put_first(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _mistake(where: str, what: str) -> DeclarationError:
    return DeclarationError([Mistake(where, what)], "what is to run")
