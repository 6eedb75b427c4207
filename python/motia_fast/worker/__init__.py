"""Runs jobs: claims them, hands them to handlers, and settles what became of them."""

from motia_fast.worker.execution import Execution
from motia_fast.worker.loop import Worker
from motia_fast.worker.threads import Threads

__all__ = ["Execution", "Threads", "Worker"]
