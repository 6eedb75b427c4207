"""One job while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motia_fast.session import Ledger

if TYPE_CHECKING:
    import asyncio

    from motia_fast.contract import Job, Kind, Outcome


@dataclass(slots=True, eq=False)
class Running:
    """A claimed job, its task, and what was decided about it from outside."""

    job: Job
    kind: Kind
    ledger: Ledger = field(default_factory=Ledger)
    #: The strong reference that keeps the task alive.
    task: asyncio.Task[None] | None = None
    #: A task that is cancelled before its first step never runs any of its code.
    started: bool = False
    #: What the run ends as, whatever its handler does; None while nothing was decided.
    verdict: Outcome | None = None
