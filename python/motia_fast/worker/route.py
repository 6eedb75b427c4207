"""What the jobs of one subscription run, worked out once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from motia_fast.clock import SECOND
from motia_fast.context import Run, TriggerInfo, new_trace_id
from motia_fast.encoding import decode
from motia_fast.retries import outcome_of
from motia_fast.triggers import CronTrigger, QueueTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from motia_fast.arguments import Predicate
    from motia_fast.contract import Job, Kind, Outcome, Subscription
    from motia_fast.steps import Step


@dataclass(frozen=True, slots=True)
class Route:
    """From a subscription to its step and trigger."""

    step: Step[..., Any]
    trigger: QueueTrigger | CronTrigger
    info: TriggerInfo
    subscription: Subscription
    kind: Kind
    #: Seconds that a handler may run.
    timeout: float
    #: The handler's input of a payload. Raises `ValidationFailed`.
    decode: Callable[[bytes], Any]
    #: `call(data, ctx)` calls the handler; for "async", await what is returned.
    call: Callable[[object, object], Any]
    #: The condition that is to be asked; an `F` of a queue trigger is not: the engine has asked it before.
    predicate: Predicate | None

    def run_of(self, job: Job) -> Run:
        """The run of a job, as context and log know it."""
        meta = decode(job.meta) if job.meta else {}
        return Run(
            step=self.step.name,
            trigger=_fired(self.info, meta),
            trace_id=meta.get("trace") or new_trace_id(),
            flows=self.step.flows,
            job_id=job.id,
            attempt=job.attempt,
            max_attempts=self.subscription.retry.max_retries + 1,
            last_error=job.last_error,
        )

    def outcome_of(self, error: BaseException) -> Outcome:
        """What an exception of the handler means for its job."""
        if isinstance(self.trigger, QueueTrigger):
            return outcome_of(error, self.trigger.retry_on, self.trigger.discard_on)
        return outcome_of(error)


def routes_of(step: Step[..., Any]) -> Iterator[Route]:
    """One route for each subscription of a step."""
    for subscription in step.subscriptions():
        trigger = step.trigger_of(subscription.id)
        if isinstance(trigger, QueueTrigger | CronTrigger):
            yield Route(
                step,
                trigger,
                _info(trigger, step.index_of(trigger)),
                subscription,
                kind=step.kind,
                timeout=subscription.timeout or float("inf"),
                decode=step.decoder(trigger),
                call=step.plan.call,
                predicate=step.predicate_of(trigger),
            )


def _info(trigger: QueueTrigger | CronTrigger, index: int) -> TriggerInfo:
    if isinstance(trigger, QueueTrigger):
        return TriggerInfo("queue", index, topic=trigger.topic)
    return TriggerInfo("cron", index, expression=trigger.expression)


def _fired(info: TriggerInfo, meta: dict[str, Any]) -> TriggerInfo:
    if info.type != "cron" or "at" not in meta:
        return info
    return replace(info, at=datetime.fromtimestamp(meta["at"] / SECOND, UTC))
