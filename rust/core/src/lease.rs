//! Who runs what. A lease ends by settle, by release, or with its owner; never by time.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::clock::Micros;
use crate::job::{Kind, Lease, Record};

/// One running job. `D` is what the engine keeps to take back its deadline.
#[derive(Clone, Debug)]
pub struct Run<D> {
    pub lease: Lease,
    pub owner: Arc<str>,
    pub kind: Kind,
    pub record: Arc<Record>,
    /// When it was claimed, on the elapsed clock.
    pub claimed: Micros,
    /// Its slot in the file `running`.
    pub slot: usize,
    pub deadline: Option<D>,
}

/// The leases in force, by job; and the notices that their owners have not fetched yet.
#[derive(Debug)]
pub struct Leases<D> {
    boot: i64,
    epoch: i64,
    runs: FxHashMap<i64, Run<D>>,
    notices: Vec<(Arc<str>, Kind, Lease)>,
    suspects: usize,
}

impl<D> Leases<D> {
    /// None is in force when the engine opens.
    #[must_use]
    pub fn new(boot: i64) -> Self {
        Self { boot, epoch: 0, runs: FxHashMap::default(), notices: Vec::new(), suspects: 0 }
    }

    /// Running jobs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether a job that was running in a crash runs again.
    #[must_use]
    pub fn suspect_runs(&self) -> bool {
        self.suspects > 0
    }

    /// A lease on a job, with an epoch that no lease of this boot had before.
    pub fn next(&mut self, job: i64) -> Lease {
        self.epoch += 1;
        Lease { job, boot: self.boot, epoch: self.epoch }
    }

    /// The run begins.
    pub fn begin(&mut self, run: Run<D>) {
        self.suspects += usize::from(run.record.crashes > 0);
        self.runs.insert(run.record.id, run);
    }

    /// Whether exactly this lease is in force, and not a stale one.
    #[must_use]
    pub fn holds(&self, lease: Lease) -> bool {
        self.runs.get(&lease.job).is_some_and(|run| run.lease == lease)
    }

    /// The record of the run that holds exactly this lease.
    #[must_use]
    pub fn record(&self, lease: Lease) -> Option<&Arc<Record>> {
        let run = self.runs.get(&lease.job)?;
        (run.lease == lease).then_some(&run.record)
    }

    /// The run is over; its lease is stale from now on.
    pub fn end(&mut self, job: i64) -> Option<Run<D>> {
        let run = self.runs.remove(&job)?;
        self.suspects -= usize::from(run.record.crashes > 0);
        Some(run)
    }

    /// The jobs of one owner, in the order in which they were claimed.
    #[must_use]
    pub fn of(&self, owner: &str) -> Vec<i64> {
        let mut runs: Vec<_> = self.runs.values().filter(|run| &*run.owner == owner).collect();
        runs.sort_by_key(|run| run.lease.epoch);
        runs.iter().map(|run| run.record.id).collect()
    }

    /// All running jobs.
    pub fn jobs(&self) -> impl Iterator<Item = i64> + '_ {
        self.runs.keys().copied()
    }

    /// Leaves a notice for the owner of a lease that is in force: its job is overdue.
    pub fn overdue(&mut self, lease: Lease) {
        if self.holds(lease) {
            let run = &self.runs[&lease.job];
            self.notices.push((Arc::clone(&run.owner), run.kind, lease));
        }
    }

    /// Takes the notices of one owner and kind, but for those of runs that ended meanwhile.
    pub fn notices(&mut self, owner: &str, kind: Kind) -> Vec<Lease> {
        if self.notices.is_empty() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.notices);
        let (mine, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(to, of, _)| &**to == owner && *of == kind);
        self.notices = rest;
        let leases = mine.into_iter().map(|(_, _, lease)| lease);
        leases.filter(|lease| self.holds(*lease)).collect()
    }
}
