"""What a started application says of itself: where it is, what it keeps, what it runs, what looks wrong."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from motia_fast.clock import SECOND
from motia_fast.observability.logs import is_json
from motia_fast.settings import unknown_variables
from motia_fast.triggers import CronTrigger, HttpTrigger, QueueTrigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from motia_fast.clock import Micros
    from motia_fast.services import Services
    from motia_fast.steps import Step
    from motia_fast.triggers import Trigger

_WEAKER = {
    "os": 'durability "os": acknowledged jobs survive a killed process, not a power cut',
    "memory": 'durability "memory": nothing survives the end of this process',
}


def show(services: Services) -> None:
    """Prints the banner to standard error; where lines are JSON, as one line and one for each warning."""
    if is_json(services.plan.settings.log_format):
        _log(services)
    else:
        sys.stderr.write("\n".join([*lines(services), ""]))
        sys.stderr.flush()


def lines(services: Services) -> Iterator[str]:
    """The banner."""
    plan, engine = services.plan, services.engine
    yield f"motia_fast: {plan.name} at {services.url}"
    yield f"  data    {plan.settings.data_dir}"
    yield f"  engine  {engine.name}, durability {engine.settings.durability}"
    yield f"  steps   {len(plan.steps) or 'none'}"
    yield from _steps(plan.steps, engine.settings.clock.now())
    for warning in warnings(services):
        yield f"  ! {warning}"


def warnings(services: Services) -> Iterator[str]:
    """What looks wrong, but does not keep the application from running."""
    yield from unknown_variables()
    if services.engine.settings.durability in _WEAKER:
        yield _WEAKER[services.engine.settings.durability]
    for topic, steps in sorted(unconsumed(services.plan.steps).items()):
        yield f'topic "{topic}" is enqueued by {", ".join(steps)}, and no step consumes it: its messages are parked'
    for subscription, count in sorted(services.registered.orphans.items()):
        yield orphaned(subscription, count)


def orphaned(subscription: str, jobs: int) -> str:
    """The warning about jobs whose subscription is no longer declared."""
    wait = "1 job waits" if jobs == 1 else f"{jobs:,} jobs wait"
    return f'{wait} for "{subscription}", which no step declares; rename with was=, or bring it back'


def unconsumed(steps: Iterable[Step[..., object]]) -> dict[str, list[str]]:
    """The topics that steps say they enqueue, or send dead letters to, and that no step consumes; and by whom."""
    all_steps = tuple(steps)
    consumed = {subscription.topic for step in all_steps for subscription in step.subscriptions()}
    found: dict[str, list[str]] = {}
    for step in all_steps:
        letters = [s.dead_letter_topic for s in step.subscriptions() if s.dead_letter_topic]
        for topic in dict.fromkeys([*step.enqueues, *letters]):
            if topic not in consumed:
                found.setdefault(topic, []).append(step.name)
    return found


def _steps(steps: tuple[Step[..., object], ...], now: Micros) -> Iterator[str]:
    width = max((len(step.name) for step in steps), default=0)
    for step in steps:
        yield f"    {step.name:<{width}}  {', '.join(described(t, now) for t in step.triggers) or 'no trigger'}"


def described(trigger: Trigger, now: Micros) -> str:
    """A trigger in a few words; `now` is for the next time of a schedule."""
    match trigger:
        case HttpTrigger():
            return f"{trigger.method} {trigger.path}"
        case QueueTrigger():
            return f"queue {trigger.topic}"
        case CronTrigger():
            return f"cron {trigger.expression} {trigger.timezone}, next {_next(trigger, now)}"
        case _:
            return "noop"


def _next(trigger: CronTrigger, now: Micros) -> str:
    at = None if trigger.crontab is None else trigger.crontab.next_fire(now)
    return "never" if at is None else f"{datetime.fromtimestamp(at / SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _log(services: Services) -> None:
    logger = logging.getLogger("motia_fast")
    plan, engine = services.plan, services.engine
    fields = {
        "url": services.url,
        "data_dir": str(plan.settings.data_dir),
        "engine": engine.name,
        "durability": engine.settings.durability,
        "steps": [step.name for step in plan.steps],
    }
    logger.info('App "%s" is running at %s', plan.name, services.url, extra={"fields": fields})
    for warning in warnings(services):
        logger.warning("%s", warning)
