"""The testing kit: an application on a manual clock, without sockets; and a context for one handler alone.

``async with Harness(app) as t:`` runs the real engine and the real handlers. Nothing happens by the passing of real
time: `t.advance(hours=1)` lets an hour pass at once, with all retries, delays, timeouts and schedules on its way.
``await handler(data, context())`` runs one handler, and keeps what it enqueued.

For pytest there is a plugin, `motia_fast_pytest`, with the fixtures `motia_harness` and `motia_clock`.
"""

from motia_fast.clock import ManualClock
from motia_fast.testing.answer import Answer
from motia_fast.testing.harness import Harness
from motia_fast.testing.recording import RecordingContext, RecordingSyncContext, Sent, context, sync_context

__all__ = [
    "Answer",
    "Harness",
    "ManualClock",
    "RecordingContext",
    "RecordingSyncContext",
    "Sent",
    "context",
    "sync_context",
]
