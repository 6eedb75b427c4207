"""Which subscriptions get a message: by topic, then by condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from motia_fast.engine.pure.condition import Document, compile_condition
from motia_fast.errors import UnknownSubscription, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from motia_fast.contract import Message
    from motia_fast.engine.pure.condition import Evaluator
    from motia_fast.engine.pure.subscribed import Subscribed


class Target(NamedTuple):
    """One subscription of a topic, and its compiled condition."""

    subscribed: Subscribed
    condition: Evaluator | None


class Routed(NamedTuple):
    """Where one message goes. `known` says whether any subscription is declared for its topic."""

    targets: list[Subscribed]
    known: bool
    mismatches: int


@dataclass(frozen=True, slots=True)
class Routes:
    """The route table: replaced as a whole by `register`, never changed."""

    by_topic: Mapping[str, list[Target]]
    by_id: Mapping[str, Subscribed]

    def route(self, message: Message) -> Routed:
        """Decides where a message goes. Raises `UnknownSubscription`."""
        if message.subscription is not None:
            return Routed([self.named(message.subscription)], known=True, mismatches=0)
        targets = self.by_topic.get(message.topic, [])
        document = Document(message.payload)
        matched, mismatches = [], 0
        for subscribed, condition in targets:
            if condition is None:
                matched.append(subscribed)
                continue
            verdict = condition.evaluate(document)
            mismatches += verdict.mismatches
            if verdict.matched:
                matched.append(subscribed)
        return Routed(matched, bool(targets), mismatches)

    def named(self, name: str) -> Subscribed:
        """The declared subscription of that id. Raises `UnknownSubscription`."""
        found = self.by_id.get(name)
        if found is None:
            raise UnknownSubscription(f'no step declares the subscription "{name}"{nearest(name, self.by_id)}')
        return found


def table(declared: Iterable[Subscribed]) -> Routes:
    """The routes of a set of declared subscriptions."""
    by_topic: dict[str, list[Target]] = {}
    by_id = {}
    for subscribed in declared:
        by_id[subscribed.id] = subscribed
        wanted = subscribed.declared
        if wanted.topic:
            condition = compile_condition(wanted.condition) if wanted.condition is not None else None
            by_topic.setdefault(wanted.topic, []).append(Target(subscribed, condition))
    return Routes(by_topic, by_id)
