"""What the log says about the ends of runs: the one seam where failed attempts are logged, once each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from motia_fast.contract import Died, Failed, Retried, Settlement
from motia_fast.errors import LeaseLost

if TYPE_CHECKING:
    from motia_fast.context import Run
    from motia_fast.contract import Failure, Kind, Lease, Outcome
    from motia_fast.worker.running import Running

logger = logging.getLogger("motia_fast.worker")

_BAD_ENDS = (Failed, Retried, Died)


def ended(running: Running, outcome: Outcome) -> Settlement:
    """What the engine is told of a run's end. One that did not end well is logged; the others leave no line."""
    if isinstance(outcome, _BAD_ENDS):
        _log(running.run(), outcome)
    return Settlement(running.lease, outcome)


def overdue(run: Run, timeout: float, kind: Kind) -> None:
    """Logs a handler that runs longer than it may."""
    then = "it is cancelled" if kind == "async" else "its thread cannot be stopped, and keeps its place until it ends"
    logger.warning("The handler runs longer than its timeout of %g s: %s", timeout, then, extra={"run": run})


def refused(lease: Lease, outcome: Outcome | None, error: Exception) -> None:
    """Logs a settlement that changed nothing."""
    level = logging.WARNING if isinstance(error, LeaseLost) else logging.ERROR
    name = type(outcome).__name__
    logger.log(level, "Job %d ended as %s, which was refused: %s", lease.job, name, error)


def _log(run: Run, outcome: Failed | Retried | Died) -> None:
    match outcome:
        case Failed(error) | Retried(_, error) if run.attempt < run.max_attempts:
            _failed(run, error, logging.WARNING, "Attempt %d of %d failed, and is retried: %s: %s")
        case Failed(error) | Retried(_, error):
            _failed(run, error, logging.ERROR, "Attempt %d of %d failed, and the job is a dead letter: %s: %s")
        case Died(error):
            _failed(run, error, logging.ERROR, "In attempt %d of %d the job became a dead letter: %s: %s")


def _failed(run: Run, error: Failure, level: int, text: str) -> None:
    extra = {"run": run, "traceback": error.traceback, "fields": {"reason": error.reason}}
    logger.log(level, text, run.attempt, run.max_attempts, error.type, error.message, extra=extra)
