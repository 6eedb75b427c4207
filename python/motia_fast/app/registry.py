"""The Apps of this process, to find a file that was imported twice: as ``__main__`` and by its name.

Its second App has other steps than the first, and would wait for jobs that the first one gets.
"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from motia_fast.errors import Mistake

if TYPE_CHECKING:
    from motia_fast.app.application import App


class _Origin(NamedTuple):
    file: Path | None
    module: str


_origins: weakref.WeakKeyDictionary[App, _Origin] = weakref.WeakKeyDictionary()


def add(app: App, file: str | None, module: str) -> None:
    """Remembers where an App was made."""
    _origins[app] = _Origin(Path(file).resolve() if file else None, module)


def mistakes(app: App) -> list[Mistake]:
    """What is wrong where the App's file made another App, under another name of the module."""
    mine = _origins[app]
    names = {o.module for other, o in _origins.items() if other.name == app.name and o.file == mine.file}
    others = names - {mine.module}
    if mine.file is None or "__main__" not in names or not others:
        return []
    twice = " and as ".join(f'"{name}"' for name in sorted(names))
    return [
        Mistake(
            mine.file.name,
            f"this file was imported twice, as {twice}, which makes two Apps with different steps. Move the App to a "
            f'file of its own, or start it by "motia-fast run {mine.file.name}" instead of "python {mine.file.name}"',
        )
    ]
