"""What routing costs where many steps want a topic, each under a condition, and one of them gets the message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benches.applications import LIST
from benches.measuring import Measure, Name
from motia_fast import F
from motia_fast.access import SyncAccess
from motia_fast.conditions import Condition
from motia_fast.contract import EngineSettings, Message, Subscription
from motia_fast.engine import open_engine


def equality(number: int) -> Condition:
    """One value of one field: what an index can answer."""
    return F.kind == f"k{number}"


def comparison(number: int) -> Condition:
    """A range of a number: what has to be evaluated."""
    return (F.amount >= 10 * number) & (F.amount < 10 * (number + 1))


def message(number: int) -> Message:
    """Is for subscriber `number` alone, under either kind of condition."""
    return Message("work", b'{"id":"order-%d","kind":"k%d","amount":%d}' % (number, number, 10 * number + 3))


@pytest.mark.parametrize(("subscribers", "full"), [(1, 30_000), (10, 30_000), (1_000, 3_000)], ids=["1", "10", "1000"])
@pytest.mark.parametrize("condition", [equality, comparison])
def test_one_of_many_subscribers_gets_a_message(
    condition: Callable[[int], Condition], subscribers: int, full: int, home: Path, engine: Name, measure: Measure
) -> None:
    messages = [message(number % subscribers) for number in range(measure.size(full, smoke=200))]
    lists = [messages[start : start + LIST] for start in range(0, len(messages), LIST)]
    opened = open_engine(engine, EngineSettings(home / "data"))
    access = SyncAccess(opened)
    opened.register(
        [
            Subscription(f"s{number}/work", f"s{number}", "work", condition=condition(number).to_json())
            for number in range(subscribers)
        ]
    )

    def enqueue() -> None:
        for one in lists:
            access.call(partial(opened.enqueue, one))
        opened.wait(opened.committed)

    _, seconds = measure(enqueue)
    ready = sum(subscription.ready for subscription in opened.stats().subscriptions)
    opened.close()
    assert ready == len(messages)
    title = f"enqueue, {subscribers:,} subscriber{'s' if subscribers > 1 else ''}, by {condition.__name__}"
    measure.rate(title, len(messages), seconds, headline=subscribers == 1_000)
