"""Whether anybody could take a message: asked before it is enqueued, so that bad input is refused where it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from motia_fast.errors import ValidationFailed
from motia_fast.triggers import QueueTrigger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from motia_fast.contract import Message
    from motia_fast.schemas import Schema
    from motia_fast.steps import Step


class Inputs:
    """The schemas of all subscriptions."""

    def __init__(self, steps: Iterable[Step[..., Any]]) -> None:
        """Those that steps declare with `input=`, or by the annotation of their input."""
        self._by_subscription: dict[str, Schema | None] = {}
        self._by_topic: dict[str, list[Schema | None]] = {}
        for step in steps:
            for subscription in step.subscriptions():
                trigger = step.trigger_of(subscription.id)
                schema = trigger.input if isinstance(trigger, QueueTrigger) else None
                self._by_subscription[subscription.id] = schema
                self._by_topic.setdefault(subscription.topic, []).append(schema)

    def check(self, message: Message) -> None:
        """Raises `ValidationFailed` if every subscriber's schema refuses the payload; a topic without one takes all."""
        refusals: list[ValidationFailed] = []
        for schema in self._schemas(message):
            if schema is None:
                return
            try:
                schema.validate_json(message.payload, f'payload for topic "{message.topic}"')
            except ValidationFailed as refusal:
                refusals.append(refusal)
            else:
                return
        if refusals:
            raise refusals[0]

    def _schemas(self, message: Message) -> list[Schema | None]:
        if message.subscription is not None:
            return [self._by_subscription.get(message.subscription)]
        return self._by_topic.get(message.topic, [])
