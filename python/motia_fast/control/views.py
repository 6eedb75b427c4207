"""What the verbs of `admin` answer with: the engine's values as plain JSON, times in ISO 8601 with their zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from motia_fast.encoding import decode

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.contract import Attempt, Finished, JobView, ParkedView, Receipt, StateItem
    from motia_fast.steps import Step
    from motia_fast.triggers import Trigger


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(at: Micros) -> str:
    """Such as ``2026-11-24T16:09:59.123456+00:00``."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat()


def step_of(subscription: str) -> str:
    """The step of a subscription id, ``step/topic``."""
    return subscription.partition("/")[0]


def value_of(data: bytes) -> Any:
    """What JSON bytes hold; None for no bytes, and text for bytes that are no JSON, which a damaged file may have."""
    if not data:
        return None
    try:
        return decode(data)
    except json.JSONDecodeError:
        return data.decode(errors="backslashreplace")


def receipt(made: Receipt) -> dict[str, Any]:
    """What became of one message."""
    return {**made._asdict(), "job_ids": list(made.job_ids)}


def job(view: JobView, *, declared: bool) -> dict[str, Any]:
    """An unfinished job; `at` is when it is due or when it died. Without declared steps any job looks orphaned."""
    return {
        "id": view.id,
        "message_id": view.message_id,
        "step": step_of(view.subscription),
        "subscription": view.subscription,
        "state": view.state,
        "priority": view.priority,
        "attempt": view.attempt,
        "crashes": view.crashes,
        "enqueued": iso(view.enqueued),
        "at": None if view.at is None else iso(view.at),
        "orphaned": view.orphaned if declared else None,
        "payload": value_of(view.payload),
        "meta": value_of(view.meta),
        "attempts": [_attempt(made) for made in view.attempts],
    }


def size_of_job(view: JobView) -> int:
    """About how many bytes a job takes in an answer."""
    errors = sum(len(made.error.message) + len(made.error.traceback) for made in view.attempts)
    return len(view.payload) + len(view.meta) + errors


def _attempt(made: Attempt) -> dict[str, Any]:
    error = made.error
    return {
        "number": made.number,
        "at": iso(made.at),
        "reason": error.reason,
        "type": error.type,
        "message": error.message,
        "traceback": error.traceback,
    }


def parked(view: ParkedView) -> dict[str, Any]:
    """A message that no step consumes yet; it goes at `until`."""
    return {
        "message_id": view.message_id,
        "topic": view.topic,
        "until": iso(view.until),
        "payload": value_of(view.payload),
        "meta": value_of(view.meta),
    }


def finished(row: Finished) -> dict[str, Any]:
    """A finished job, as the history in memory has it."""
    return {
        "id": row.id,
        "step": step_of(row.subscription),
        "subscription": row.subscription,
        "outcome": row.outcome,
        "attempt": row.attempt,
        "at": iso(row.at),
    }


def item(row: StateItem) -> dict[str, Any]:
    """An item of state."""
    return {"key": row.key, "value": value_of(row.value), "version": row.version}


def step(declared: Step[..., Any]) -> dict[str, Any]:
    """What a user declared."""
    return {
        "name": declared.name,
        "kind": declared.kind,
        "description": declared.description,
        "flows": list(declared.flows),
        "enqueues": list(declared.enqueues),
        "virtual_enqueues": list(declared.virtual_enqueues),
        "file": declared.file,
        "line": declared.line,
        "triggers": [trigger(each) for each in declared.triggers],
    }


def trigger(declared: Trigger) -> dict[str, Any]:
    """Why a step runs: the type, and the fields that tell one trigger from another."""
    names = _TRIGGER_FIELDS[declared.type]
    return {"type": declared.type, **{name: getattr(declared, name) for name in names}}


_TRIGGER_FIELDS: dict[str, tuple[str, ...]] = {
    "http": ("method", "path"),
    "queue": ("topic", "priority", "concurrency", "delay", "timeout", "dead_letter_topic"),
    "cron": ("expression", "timezone", "misfire", "overlap"),
    "noop": (),
}
