"""Who runs what. A lease ends by settle, by release, or with its owner; never by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from motia_fast.contract import Lease, Notice

if TYPE_CHECKING:
    from motia_fast.clock import Micros
    from motia_fast.contract import Kind
    from motia_fast.engine.pure.job import Record


class Run(NamedTuple):
    """One running job."""

    lease: Lease
    owner: str
    kind: Kind
    record: Record
    #: When it was claimed, on the elapsed clock; and its slot in the file `running`.
    claimed: Micros
    slot: int


class Leases:
    """The leases in force, by job; and the notices that their owners have not fetched yet."""

    def __init__(self, boot: int) -> None:
        """None is in force when the engine opens."""
        self._boot = boot
        self._epoch = 0
        self._runs: dict[int, Run] = {}
        self._notices: dict[tuple[str, Kind], list[Notice]] = {}
        self.suspect_runs = False

    def __len__(self) -> int:
        """The number of running jobs."""
        return len(self._runs)

    def __contains__(self, job: int) -> bool:
        """Whether that job runs."""
        return job in self._runs

    def give(self, owner: str, kind: Kind, record: Record, elapsed: Micros, slot: int) -> Run:
        """Makes a lease, with an epoch that no lease of this boot had before."""
        self._epoch += 1
        run = Run(Lease(record.id, self._boot, self._epoch), owner, kind, record, elapsed, slot)
        self._runs[record.id] = run
        if record.crashes:
            self.suspect_runs = True
        return run

    def get(self, lease: Lease) -> Run | None:
        """The run that holds exactly this lease, or None for a stale one."""
        run = self._runs.get(lease.job)
        return run if run is not None and run.lease == lease else None

    def end(self, run: Run) -> None:
        """The run is over; its lease is stale from now on."""
        del self._runs[run.record.id]
        if run.record.crashes:
            self.suspect_runs = False

    def of(self, owner: str) -> list[Run]:
        """The runs of one owner."""
        return [run for run in self._runs.values() if run.owner == owner]

    def jobs(self) -> list[int]:
        """The ids of all running jobs."""
        return list(self._runs)

    def overdue(self, lease: Lease) -> None:
        """Leaves a notice for the owner of a lease that is in force."""
        run = self.get(lease)
        if run is not None:
            self._notices.setdefault((run.owner, run.kind), []).append(Notice(lease, "overdue"))

    def notices(self, owner: str, kind: Kind) -> list[Notice]:
        """Takes the notices of one owner and kind, but for those of runs that ended meanwhile."""
        return [notice for notice in self._notices.pop((owner, kind), []) if self.get(notice.lease) is not None]
