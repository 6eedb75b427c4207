//! The scheduled jobs of one subscription: the soonest in memory, the others in the store.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Wheel;
use crate::clock::Micros;

/// A place in the order in which the store has scheduled jobs: (due, id).
pub type Place = (Micros, i64);

/// Before all of them.
const START: Place = (Micros::MIN, i64::MIN);

/// A job that waits for time.
pub trait Scheduled {
    /// The job.
    fn id(&self) -> i64;
    /// When it is due on the wall, as its row says.
    fn due(&self) -> Micros;
    /// When it is due on the elapsed clock; `None` where the wall decides.
    fn due_elapsed(&self) -> Option<Micros>;

    /// Where the store has it.
    fn place(&self) -> Place {
        (self.due(), self.id())
    }
}

impl<T: Scheduled> Scheduled for Arc<T> {
    fn id(&self) -> i64 {
        self.as_ref().id()
    }

    fn due(&self) -> Micros {
        self.as_ref().due()
    }

    fn due_elapsed(&self) -> Option<Micros> {
        self.as_ref().due_elapsed()
    }
}

/// The scheduled jobs of one subscription by when they are due. The caller holds a lock, and passes both clocks in.
///
/// Delays, retries and timeouts follow the elapsed clock; `run_at` and everything that a load brings follow the wall.
/// About the soonest `limit` jobs are in memory. The later ones wait in the store beyond the *horizon*, a place that
/// moves forwards as the memory drains: what is there or beyond is in the store only.
///
/// A *load* takes three steps: [`Timed::load`] under the lock says from where; a reader opens a snapshot, at any time
/// after that, and reads the rows that are there; [`Timed::loaded`] under the lock takes them. Commits become durable
/// all the while, and before their rows are published here (`forget`, then `hands_over` or `add`) a snapshot shows them.
#[derive(Debug)]
pub struct Timed<T> {
    limit: usize,
    by_elapsed: Wheel<T>,
    by_wall: Wheel<T>,
    /// `None` is beyond every place: nothing is in the store only.
    horizon: Option<Place>,
    loading: Option<Loading<T>>,
    /// Jobs that were due and are ready or running now. Their rows still say "scheduled", and where the horizon moved
    /// back below them (a clock was set back), a load comes upon them.
    out: FxHashMap<i64, Standing>,
    /// How many of them were settled.
    leaving: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Out,
    /// Settled, by a commit that is not durable: it takes no place any more, but its row is still there.
    Leaving,
}

#[derive(Debug)]
struct Loading<T> {
    /// What became durable at the horizon or beyond since the load began: its snapshot may be older than that, and the
    /// new horizon would pass over it.
    late: Vec<T>,
    /// The least place at which something was left to the store since then. The new horizon is not beyond it.
    left: Option<Place>,
    /// Jobs that were out, and whose rows have changed since then: the snapshot may have them as they were.
    forgotten: FxHashSet<i64>,
}

impl<T: Scheduled> Timed<T> {
    /// Keeps the soonest `limit` jobs in memory, 1 or more, and up to twice as many at times. The store has none.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            by_elapsed: Wheel::new(),
            by_wall: Wheel::new(),
            horizon: None,
            loading: None,
            out: FxHashMap::default(),
            leaving: 0,
        }
    }

    /// The same, of a store that has scheduled jobs already: all of them are to be loaded.
    #[must_use]
    pub fn stored(limit: usize) -> Self {
        Self { horizon: Some(START), ..Self::new(limit) }
    }

    /// The jobs in memory: at most twice the limit, and once more what one load brings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.near() + self.loading.as_ref().map_or(0, |loading| loading.late.len())
    }

    /// Whether nothing is scheduled, in memory or in the store. Jobs that are out do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.near() == 0 && self.horizon.is_none()
    }

    /// Whether a job that has just become durable is due, and need not wait behind others that are. The caller then
    /// calls [`Timed::take_out`] instead of [`Timed::add`].
    #[must_use]
    pub fn hands_over(&self, job: &T, now: Micros, elapsed: Micros) -> bool {
        let due = match job.due_elapsed() {
            Some(due) => due <= elapsed,
            None => job.due() <= now,
        };
        due && !self.is_full() && self.is_near(job)
    }

    /// Takes a durable scheduled job, or leaves it to the store.
    pub fn add(&mut self, job: T) {
        if self.is_near(&job) {
            self.push(job);
        } else if let Some(loading) = &mut self.loading {
            loading.late.push(job);
        }
        if self.len() > 2 * self.limit {
            self.shrink();
        }
    }

    /// Takes what is due by its clock, soonest first; nothing while so much of it waits for places already.
    pub fn due(&mut self, now: Micros, elapsed: Micros) -> Vec<T> {
        let mut found = Vec::new();
        if self.is_full() {
            return found;
        }
        while let Some((_, job)) = self.by_elapsed.pop_due(elapsed) {
            found.push(job);
        }
        while let Some((_, job)) = self.by_wall.pop_due(now) {
            found.push(job);
        }
        for job in &found {
            self.take_out(job.id());
        }
        found
    }

    /// The job, whose row says "scheduled", is ready: no load may bring it again.
    pub fn take_out(&mut self, job: i64) {
        self.out.insert(job, Standing::Out);
    }

    /// The job was settled: it takes no place any more, but until that is durable no load may bring it.
    ///
    /// Says whether that ends a time in which nothing became due for want of places: `next_due` is nearer then.
    pub fn leave(&mut self, job: i64) -> bool {
        let was_full = self.is_full();
        if let Some(standing) = self.out.get_mut(&job)
            && *standing == Standing::Out
        {
            *standing = Standing::Leaving;
            self.leaving += 1;
        }
        was_full && !self.is_full()
    }

    /// The job's row has changed for good: it is gone, dead, or scheduled anew.
    pub fn forget(&mut self, job: i64) {
        let Some(standing) = self.out.remove(&job) else { return };
        if standing == Standing::Leaving {
            self.leaving -= 1;
        }
        if let Some(loading) = &mut self.loading {
            loading.forgotten.insert(job);
        }
    }

    /// The jobs whose rows say "scheduled", but that are ready or running.
    pub fn out(&self) -> impl Iterator<Item = i64> {
        self.out.iter().filter(|(_, standing)| **standing == Standing::Out).map(|(job, _)| *job)
    }

    /// Microseconds, 0 or more, until there is something to do for [`Timed::due`] or [`Timed::load`]; `None` when nothing
    /// waits for time, or neither would do anything.
    pub fn next_due(&mut self, now: Micros, elapsed: Micros) -> Option<Micros> {
        if self.is_full() {
            return None;
        }
        let waits = [
            self.by_elapsed.next_due().map(|due| due.saturating_sub(elapsed)),
            self.by_wall.next_due().map(|due| due.saturating_sub(now)),
            self.beyond().map(|(due, _)| due.saturating_sub(now)),
        ];
        waits.into_iter().flatten().min().map(|wait| wait.max(0))
    }

    /// Begins a load when it is time for one, and says from which place on.
    ///
    /// That is when memory has drained by half, and also when what waits beyond the horizon may be due: what is in memory
    /// may follow the elapsed clock, and be due long after a wall that was set forwards says so.
    pub fn load(&mut self, now: Micros) -> Option<Place> {
        let from = self.beyond()?;
        let low = self.near() <= self.limit / 2 || from.0 <= now;
        low.then(|| {
            self.loading = Some(Loading { late: Vec::new(), left: None, forgotten: FxHashSet::default() });
            from
        })
    }

    /// Ends the load with what it found: the first rows from its place on, in order. `more` says that it stopped before
    /// the end.
    ///
    /// `unpublished` says of a job whether a commit that is not published here yet schedules it: the snapshot may show
    /// its row, but the commit brings it.
    pub fn loaded(&mut self, found: Vec<T>, more: bool, unpublished: impl Fn(i64) -> bool) {
        let Some(Loading { late, left, forgotten }) = self.loading.take() else { return };
        let read = found.last().filter(|_| more).map(|job| (job.due(), job.id().saturating_add(1)));
        self.horizon = sooner(read, left);
        // What became durable before the snapshot is in both. The one that came late knows the elapsed clock.
        let late_ids: FxHashSet<i64> = late.iter().map(Scheduled::id).collect();
        for job in found {
            let id = job.id();
            let elsewhere = late_ids.contains(&id) || self.out.contains_key(&id) || forgotten.contains(&id);
            if self.is_near(&job) && !elsewhere && !unpublished(id) {
                self.push(job);
            }
        }
        for job in late {
            self.add(job);
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() - self.leaving >= self.limit
    }

    /// Whether the job's place is before the horizon.
    fn is_near(&self, job: &T) -> bool {
        self.horizon.is_none_or(|horizon| job.place() < horizon)
    }

    /// The jobs before the horizon.
    fn near(&self) -> usize {
        self.by_elapsed.len() + self.by_wall.len()
    }

    /// The horizon, if a load could move it.
    fn beyond(&self) -> Option<Place> {
        self.horizon.filter(|_| self.loading.is_none() && !self.is_full())
    }

    fn push(&mut self, job: T) {
        match job.due_elapsed() {
            Some(due) => self.by_elapsed.insert(due, job),
            None => self.by_wall.insert(job.due(), job),
        };
    }

    /// Leaves all but the soonest `limit` jobs to the store.
    fn shrink(&mut self) {
        let late = self.loading.iter().flat_map(|loading| &loading.late);
        let near = self.by_elapsed.iter().chain(self.by_wall.iter()).map(|(_, job)| job);
        let mut places: Vec<Place> = near.chain(late).map(Scheduled::place).collect();
        let cut = *places.select_nth_unstable(self.limit).1;
        self.by_elapsed.retain(|job| job.place() < cut);
        self.by_wall.retain(|job| job.place() < cut);
        self.horizon = sooner(self.horizon, Some(cut));
        if let Some(loading) = &mut self.loading {
            loading.late.retain(|job| job.place() < cut);
            loading.left = sooner(loading.left, Some(cut));
        }
    }
}

/// The lesser of two places, where `None` is beyond every other.
fn sooner(one: Option<Place>, other: Option<Place>) -> Option<Place> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
