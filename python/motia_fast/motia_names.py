"""Motia's spellings, as ours: camelCase keys, its queue `config`, and the step configs of its older versions.

Only the names are changed here. A name that is not known stays as it was written, so that the mistake about it shows
what the user wrote.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from motia_fast.errors import nearest

#: Older names of trigger types.
TYPES = {"api": "http", "event": "queue"}
#: Older names of keys, by trigger type.
ALIASES: dict[str, dict[str, str]] = {
    "cron": {"cron": "expression"},
    "step": {"emits": "enqueues", "virtual_emits": "virtual_enqueues"},
}
#: The keys of a queue trigger's "config".
QUEUE_CONFIG = {
    "type": "type",
    "max_retries": "max_retries",
    "concurrency": "concurrency",
    "backoff_type": "backoff",
    "backoff_delay_ms": "backoff_delay",
    "visibility_timeout": "timeout",
    "delay_seconds": "delay",
}
#: What a step config may say that has no meaning where nothing is deployed or drawn.
IGNORED = ("include_files", "virtual_subscribes")

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Options = dict[str, Any]


def snake(name: str) -> str:
    """``maxRetries`` -> ``max_retries``; a name in snake_case stays as it is."""
    return _HUMP.sub("_", name).lower() if not name.isupper() else name


def trigger_type(name: object) -> object:
    """``api`` -> ``http``, ``event`` -> ``queue``; any other stays as it is."""
    return TYPES.get(name, name) if isinstance(name, str) else name


def renamed(kind: str, given: Mapping[str, Any], known: Collection[str]) -> tuple[Options, list[str]]:
    """The options of a trigger (`kind` is its type) or of a "step" under the names in `known`, and what is wrong."""
    mistakes: list[str] = []
    options: Options = {}
    for key, value in _pairs(kind, given, mistakes):
        name = _known_name(kind, key, known)
        if name in options:
            mistakes.append(f'"{name}" is given twice')
        options[name] = value
    return options, mistakes


def _known_name(kind: str, key: str, known: Collection[str]) -> str:
    name = snake(key)
    name = ALIASES.get(kind, {}).get(name, name)
    return name if name in known else key


def _pairs(kind: str, given: Mapping[Any, Any], mistakes: list[str]) -> Iterable[tuple[str, Any]]:
    for key, value in given.items():
        if not isinstance(key, str):
            mistakes.append(f"{key!r} is not the name of an option")
        elif kind == "queue" and key == "config":
            yield from _queue_config(value, mistakes)
        elif kind != "step" or snake(key) not in IGNORED:
            yield key, value


def _queue_config(config: object, mistakes: list[str]) -> Iterable[tuple[str, Any]]:
    if not isinstance(config, Mapping):
        mistakes.append(f'"config" must be a dict, not {config!r}')
        return
    for key, value in config.items():
        name = snake(str(key))
        if name not in QUEUE_CONFIG:
            mistakes.append(f'unknown option "{key}" in "config"{nearest(name, QUEUE_CONFIG)}')
        elif name == "backoff_delay_ms":
            yield QUEUE_CONFIG[name], _seconds(value)
        else:
            yield QUEUE_CONFIG[name], value


def _seconds(milliseconds: Any) -> Any:
    is_number = isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool)
    return milliseconds / 1000 if is_number else milliseconds


def modern(config: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """A step config of Motia's older versions, which has one trigger in its own keys, with `triggers` instead.

    `known` has the names of a step's own options. A config that has `triggers`, or no `type`, is returned as it is.
    """
    if "triggers" in config or "type" not in config:
        return config
    own = {key: value for key, value in config.items() if _is_of_step(key, known)}
    trigger = {key: value for key, value in config.items() if key not in own}
    topics = trigger.pop("subscribes", None)
    return own | {"triggers": [trigger] if topics is None else _queues(topics, trigger)}


def _is_of_step(key: object, known: Collection[str]) -> bool:
    if not isinstance(key, str):
        return True
    name = snake(key)
    return ALIASES["step"].get(name, name) in known or name in IGNORED


def _queues(topics: object, trigger: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if isinstance(topics, list | tuple):
        return [{**trigger, "topic": topic} for topic in topics]
    return [{**trigger, "topic": topics}]
