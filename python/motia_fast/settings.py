"""What `run(..)` takes, from four places: flag, environment (``MOTIA_FAST_*``), code, default, in this order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from motia_fast.errors import SettingsError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


_PREFIX = "MOTIA_FAST_"
#: Variables of that prefix with another use: between a reloading process and its child, and for long tests.
_NO_SETTINGS = ("MOTIA_FAST_RELOAD_CHILD", "MOTIA_FAST_SOAK")


class Settings(BaseSettings):
    """Every setting of a running application, with its default."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to serve HTTP on.")
    port: int = Field(3000, ge=0, le=65535, description="Port to serve HTTP on; 0 takes a free one.")
    data_dir: Path | None = Field(None, description="Directory of the data; default: .motia_fast beside the app.")
    engine: Literal["auto", "rust", "pure"] = Field("auto", description="The engine; auto takes Rust where it is.")
    durability: Literal["sync", "os", "memory"] = Field("sync", description="What an acknowledged job survives.")
    concurrency: int = Field(256, ge=1, description="Jobs that may run at once.")
    threads: int = Field(
        min(32, (os.cpu_count() or 1) + 4),
        ge=1,
        description="Threads for `def` handlers.",
    )
    lock_wait: float = Field(0.0, ge=0, description="Seconds to wait for a data directory that is in use.")
    grace: float = Field(
        30.0,
        ge=0,
        description="Seconds that running handlers have to finish at a stop.",
    )
    max_body: int = Field(1024 * 1024, ge=0, description="Bytes of an HTTP request body.")
    min_free_disk: int = Field(256 * 1024 * 1024, ge=0, description="Bytes that must stay free on the disk.")
    parked_for: float = Field(
        7 * 86_400.0,
        gt=0,
        description="Seconds that a message nobody consumes is kept.",
    )
    dead_for: float = Field(30 * 86_400.0, gt=0, description="Seconds that a dead letter is kept.")
    max_crashes: int = Field(3, ge=1, description="Crashes of the process after which a running job is dead.")
    validate_enqueue: bool = Field(
        default=True, description="Refuse to enqueue what the schema of every subscriber refuses."
    )
    log_format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else JSON.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")


def resolve(code: Mapping[str, Any], flags: Mapping[str, Any] | None = None) -> Settings:
    """Lays flags over the environment over code over the defaults. A flag that is None was not given.

    Raises `SettingsError`, naming each wrong setting, where it came from and its nearest known name.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    below = {name: value for name, value in code.items() if _variable(name) not in os.environ}
    try:
        return Settings(**(below | given))
    except ValidationError as error:
        raise SettingsError(_text(error, code, given)) from None


def unknown_variables() -> list[str]:
    """What the environment has under ``MOTIA_FAST_`` and is no setting: each with its nearest known name."""
    known = [_variable(name) for name in Settings.model_fields]
    found = (name for name in sorted(os.environ) if name.startswith(_PREFIX))
    return [f"{name} is no setting{nearest(name, known)}" for name in found if name not in {*known, *_NO_SETTINGS}]


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


def _text(error: ValidationError, code: Mapping[str, Any], flags: Mapping[str, Any]) -> str:
    lines = [_line(str(e["loc"][0]) if e["loc"] else "", e["msg"], e["input"], code, flags) for e in error.errors()]
    return "wrong settings:\n" + "\n".join(f"  {line}" for line in lines)


def _line(name: str, message: str, value: object, code: Mapping[str, Any], flags: Mapping[str, Any]) -> str:
    if name not in Settings.model_fields:
        return f'unknown setting "{name}"{nearest(name, Settings.model_fields)}'
    if name in flags:
        return f"--{name.replace('_', '-')}: {message}, not {value!r}"
    if _variable(name) in os.environ:
        return f"{_variable(name)}: {message}, not {value!r}"
    return f"{name}={code.get(name)!r}: {message}"
