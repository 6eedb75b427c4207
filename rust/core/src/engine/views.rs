//! What people see of jobs: rows of the file, under what memory knows better.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::clock::{Micros, micros};
use crate::commit::Commit;
use crate::engine::contract::{JobFilter, JobState, JobView};
use crate::engine::parts::Parts;
use crate::engine::reader::shared;
use crate::engine::subscribed::Directory;
use crate::error::Result;
use crate::job::{Failure, Place, Record};
use crate::store::Reader;
use crate::store::jobs::{self, Attempt};

/// Rows that are read at once while a filter looks for those it wants.
const PAGE: usize = 512;

/// What memory knew when a snapshot was taken: laid over what the snapshot has, no list loses a write.
pub struct View {
    pub now: Micros,
    pub directory: Arc<Directory>,
    /// Jobs by unsynced commits, in their newest form; `None` for those that are gone.
    pub jobs: FxHashMap<i64, Option<Arc<Record>>>,
    running: FxHashSet<i64>,
    /// Jobs that were scheduled and are ready, or running, now.
    due: FxHashSet<i64>,
    pub unsynced: Vec<Arc<Commit>>,
}

impl Parts {
    /// A reading transaction, and what memory has that it may not have: both of the same moment.
    pub fn snapshot(&self) -> Result<(Reader<'_>, View)> {
        self.require_working()?;
        let _publishing = self.publishing.lock();
        let reader = self.store.reader()?;
        let sequence = self.sequence()?;
        let unsynced: Vec<_> = sequence.unsynced.iter().cloned().collect();
        let running = self.running.lock().leases.jobs().collect();
        let directory = self.directory.load_full();
        let due = directory.all().flat_map(|known| known.wheel.lock().out().collect::<Vec<_>>()).collect();
        drop(sequence); // last: a job that is settled leaves the wheel at once, and only then
        let view = View { now: self.clock.now(), jobs: newest(&unsynced), directory, running, due, unsynced };
        Ok((reader, view))
    }
}

fn newest(unsynced: &[Arc<Commit>]) -> FxHashMap<i64, Option<Arc<Record>>> {
    let mut jobs = FxHashMap::default();
    for commit in unsynced {
        for record in commit.inserted.iter().chain(&commit.changed) {
            jobs.insert(record.id, Some(Arc::clone(record)));
        }
        for job in &commit.deleted {
            jobs.insert(*job, None);
        }
    }
    jobs
}

/// The jobs that fit, with id above `after`, by id.
pub fn find(parts: &Parts, which: &JobFilter, limit: usize, after: i64, attempts: bool) -> Result<Vec<JobView>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let (reader, view) = parts.snapshot()?;
    let search = Search { parts, connection: &reader, view: &view, which, limit, attempts };
    search.run(after)
}

struct Search<'a> {
    parts: &'a Parts,
    connection: &'a Connection,
    view: &'a View,
    which: &'a JobFilter,
    limit: usize,
    attempts: bool,
}

impl Search<'_> {
    /// All candidates by id: stored rows, replaced by unsynced ones where there are any.
    fn run(&self, mut after: i64) -> Result<Vec<JobView>> {
        let subs = self.subs();
        let which = jobs::Which {
            ids: self.which.ids.as_deref(),
            subs: subs.as_deref(),
            dead: self.which.state.map(|state| state == JobState::Dead),
        };
        let unsynced = self.view.jobs.iter().filter(|(id, _)| **id > after);
        let mut fresh: BTreeMap<_, _> = unsynced.filter_map(|(id, record)| Some((*id, record.clone()?))).collect();
        let mut found = Vec::new();
        while found.len() < self.limit {
            let page = shared(jobs::page(self.connection, &which, after, PAGE)?);
            let Some(last) = page.last().map(|record| record.id) else {
                break;
            };
            for record in page {
                while let Some(entry) = fresh.first_entry()
                    && *entry.key() <= record.id
                {
                    self.take(&mut found, entry.remove())?;
                }
                if !self.view.jobs.contains_key(&record.id) {
                    self.take(&mut found, record)?;
                }
            }
            after = last;
        }
        for record in fresh.into_values() {
            self.take(&mut found, record)?;
        }
        Ok(found)
    }

    /// What SQL can narrow down by itself.
    fn subs(&self) -> Option<Vec<u32>> {
        let named = self.which.step.is_some() || self.which.subscription.is_some();
        let subs = self.view.directory.all().filter(|known| self.named(&known.declared()));
        named.then(|| subs.map(|known| known.number).collect())
    }

    fn named(&self, declared: &crate::engine::contract::Subscription) -> bool {
        let fits = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        fits(&self.which.subscription, &declared.id) && fits(&self.which.step, &declared.step)
    }

    fn take(&self, found: &mut Vec<JobView>, record: Arc<Record>) -> Result<()> {
        if found.len() == self.limit {
            return Ok(());
        }
        let mut job = self.view_of(record);
        if !self.fits(&job) {
            return Ok(());
        }
        if self.attempts {
            job.attempts = self.attempts_of(job.record.id)?;
        }
        found.push(job);
        Ok(())
    }

    fn view_of(&self, record: Arc<Record>) -> JobView {
        let known = self.view.directory.get(record.sub);
        let state = self.state(&record);
        let at = record.due.filter(|_| matches!(state, JobState::Scheduled | JobState::Dead));
        JobView { subscription: known.declared(), orphaned: known.orphaned(), attempts: Vec::new(), record, state, at }
    }

    fn state(&self, record: &Record) -> JobState {
        match record.place {
            _ if self.view.running.contains(&record.id) => JobState::Running,
            Place::Dead => JobState::Dead,
            Place::Scheduled if !self.view.due.contains(&record.id) => JobState::Scheduled,
            _ => JobState::Ready,
        }
    }

    fn fits(&self, job: &JobView) -> bool {
        let ids = self.which.ids.as_ref();
        ids.is_none_or(|ids| ids.contains(&job.record.id))
            && self.which.state.is_none_or(|state| state == job.state)
            && self.named(&job.subscription)
            && !self.expired(job)
    }

    /// A dead letter that is too old is gone for everybody at once; the next sweep removes its row.
    fn expired(&self, job: &JobView) -> bool {
        let kept = micros(self.parts.settings.dead_for);
        job.state == JobState::Dead && job.at.unwrap_or(0) + kept <= self.view.now
    }

    fn attempts_of(&self, job: i64) -> Result<Vec<Attempt>> {
        let mut all = jobs::attempts(self.connection, job)?;
        for failed in self.view.unsynced.iter().flat_map(|commit| commit.attempts()).filter(|one| one.job == job) {
            // A commit that is written but not published is in the file already.
            if !all.iter().any(|known| known.at == failed.at && known.error == *failed.error) {
                all.push(Attempt {
                    n: u32::try_from(all.len() + 1).unwrap_or(u32::MAX),
                    at: failed.at,
                    error: Failure::clone(&failed.error),
                });
            }
        }
        Ok(all)
    }
}
