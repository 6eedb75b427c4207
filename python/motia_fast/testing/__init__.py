"""The testing kit: an application on a manual clock, without sockets.

``async with Harness(app) as t:`` runs the real engine and the real handlers. Nothing happens by the passing of real
time: `t.advance(hours=1)` lets an hour pass at once, with all retries, delays, timeouts and schedules on its way.
"""

from motia_fast.clock import ManualClock
from motia_fast.testing.answer import Answer
from motia_fast.testing.harness import Harness

__all__ = ["Answer", "Harness", "ManualClock"]
