//! Dead letters: jobs that gave up, kept with every attempt's error until they are retried, purged or too old.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::commit::{Commit, Operation};
use crate::engine::contract::{JobFilter, JobState, JobView};
use crate::engine::enqueue::schedule;
use crate::engine::parts::Parts;
use crate::engine::views::find;
use crate::error::{Error, Result};
use crate::job::{Bytes, Place, Record};

/// Dead letters that are retried or purged in one commit.
const BATCH: usize = 256;

/// Dead letters with id above `after`, by id, each with its attempts.
pub fn list(parts: &Parts, which: &JobFilter, limit: usize, after: i64) -> Result<Vec<JobView>> {
    find(parts, &dead(which), limit, after, true)
}

/// Makes dead letters ready with all their attempts before them; returns (commit, number).
pub fn retry(parts: &Parts, which: &JobFilter, payload: Option<&Bytes>) -> Result<(i64, usize)> {
    let limit = parts.settings.max_payload;
    if let Some(size) = payload.map(|payload| payload.len()).filter(|size| *size > limit) {
        return Err(Error::PayloadTooLarge(format!("payload: {size} bytes, more than max_payload={limit}")));
    }
    each_batch(parts, which, |commit, job| revive(parts, commit, job, payload))
}

/// Forgets dead letters; returns (commit, number).
pub fn purge(parts: &Parts, which: &JobFilter) -> Result<(i64, usize)> {
    each_batch(parts, which, |commit, job| {
        commit.deleted.push(job.record.id);
        commit.write(Operation::ForgetAttempts { job: job.record.id });
    })
}

fn dead(which: &JobFilter) -> JobFilter {
    JobFilter { state: Some(JobState::Dead), ..which.clone() }
}

/// Changes all that fit, a batch in a commit, and waits for each: who looks next must not find them again.
fn each_batch(parts: &Parts, which: &JobFilter, change: impl Fn(&mut Commit, &JobView)) -> Result<(i64, usize)> {
    parts.require_ours()?;
    let _retrying = parts.dead_letters.lock();
    let which = dead(which);
    let (mut count, mut after) = (0, 0);
    let mut number = parts.sequence()?.committed; // under the lock, so that no sweep is about to commit
    parts.wait(number, None)?;
    loop {
        let found = find(parts, &which, BATCH, after, true)?;
        let Some(last) = found.last() else {
            return Ok((number, count));
        };
        after = last.record.id;
        let mut commit = Commit::default();
        for job in &found {
            change(&mut commit, job);
        }
        number = {
            let mut sequence = parts.sequence()?;
            parts.commit(&mut sequence, commit)
        };
        parts.wait(number, None)?;
        count += found.len();
    }
}

/// A retried dead letter is a job that is due now: it passes through the wheel, which is bounded.
fn revive(parts: &Parts, commit: &mut Commit, job: &JobView, payload: Option<&Bytes>) {
    let directory = parts.directory.load();
    let subscribed = directory.get(job.record.sub);
    let now = parts.clock.now();
    let mut record = Record {
        place: Place::Scheduled,
        attempt: 0,
        crashes: 0,
        payload: Arc::clone(payload.unwrap_or(&job.record.payload)),
        error: job.attempts.last().map(|attempt| Arc::new(attempt.error.clone())),
        ..Record::clone(&job.record)
    };
    schedule(subscribed, &mut record, now, None);
    subscribed.unfinished.fetch_add(1, Ordering::AcqRel);
    commit.write(Operation::Revive { job: record.id, due: now, payload: Arc::clone(&record.payload) });
    commit.changed.push(Arc::new(record));
}
