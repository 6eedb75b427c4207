"""From a step's triggers to what the engine knows of it."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, replace
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

from motia_fast.conditions import Condition
from motia_fast.contract import Subscription
from motia_fast.errors import SchemaError
from motia_fast.schemas import Schema
from motia_fast.triggers import CronTrigger, HttpTrigger, QueueTrigger, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from motia_fast.contract import Kind


def completed(trigger: Trigger, name: str, annotation: Any) -> Trigger:
    """A copy of a trigger for a step, with what the step says: its name for a topic, its input's type for a schema.

    `annotation` is that of the parameter which gets the input. A queue trigger takes it where it is a pydantic model, a
    dataclass or a TypedDict; an HTTP trigger takes the model of ``Request[Model]``.
    """
    if isinstance(trigger, QueueTrigger):
        taken = _schema_of(annotation) if trigger.input is None else trigger.input
        return replace(trigger, topic=name if trigger.topic is None else trigger.topic, input=taken)
    if isinstance(trigger, HttpTrigger) and trigger.body_schema is None:
        return replace(trigger, body_schema=_schema_of(_body_type(annotation)))
    return replace(trigger)  # a copy: one that is given to two steps, or twice to one, is two


def _schema_of(annotation: Any) -> Schema | None:
    if not isinstance(annotation, type):
        return None
    if not (issubclass(annotation, BaseModel) or is_dataclass(annotation) or is_typeddict(annotation)):
        return None
    try:
        return Schema.of(annotation)
    except SchemaError:  # such as a dataclass with a field that JSON cannot hold: the annotation was not meant for that
        return None


def _body_type(annotation: Any) -> Any:
    origin: Any = get_origin(annotation)
    ours = getattr(origin, "__module__", "") == "motia_fast.requests" and getattr(origin, "__name__", "") == "Request"
    return get_args(annotation)[0] if ours else None


@dataclass(frozen=True, slots=True)
class Named:
    """Who declares the triggers."""

    name: str
    was: tuple[str, ...]
    kind: Kind


def subscribed(step: Named, triggers: Sequence[Trigger]) -> dict[str, tuple[Subscription, Trigger]]:
    """One subscription for each queue and cron trigger, by id: ``step/topic`` or ``step/cron``, ``#2`` for a second."""
    found: dict[str, tuple[Subscription, Trigger]] = {}
    for trigger in triggers:
        if isinstance(trigger, QueueTrigger | CronTrigger):
            suffix = _free(step.name, _suffix(trigger), found)
            subscription = _subscription(step, trigger, suffix)
            found[subscription.id] = (subscription, trigger)
    return found


def _suffix(trigger: QueueTrigger | CronTrigger) -> str:
    return "cron" if isinstance(trigger, CronTrigger) else str(trigger.topic)


def _free(name: str, suffix: str, taken: Iterable[str]) -> str:
    free, number = suffix, 1
    while f"{name}/{free}" in taken:
        number += 1
        free = f"{suffix}#{number}"
    return free


def _subscription(step: Named, trigger: QueueTrigger | CronTrigger, suffix: str) -> Subscription:
    was = tuple(f"{old}/{suffix}" for old in step.was)
    if isinstance(trigger, CronTrigger):
        return Subscription(f"{step.name}/{suffix}", step.name, "", source="cron", kind=step.kind, was=was)
    if trigger.topic == step.name:  # its topic followed its name
        was += tuple(f"{old}/{old}" for old in step.was)
    return Subscription(
        id=f"{step.name}/{suffix}",
        step=step.name,
        topic=str(trigger.topic),
        kind=step.kind,
        priority=trigger.priority,
        concurrency=trigger.concurrency,
        retry=trigger.retry,
        delay=trigger.delay,
        timeout=trigger.timeout,
        dead_letter_topic=trigger.dead_letter_topic,
        condition=trigger.condition.to_json() if isinstance(trigger.condition, Condition) else None,
        was=was,
    )
