//! Inspection: snapshots for people.

use std::collections::BTreeMap;

use crate::commit::Parked;
use crate::engine::contract::{Finished, JobFilter, JobView};
use crate::engine::parts::Parts;
use crate::engine::views::find;
use crate::error::Result;
use crate::store::parked;

/// Unfinished jobs, dead ones among them, with id above `after`, by id.
pub fn jobs(parts: &Parts, which: &JobFilter, limit: usize, after: i64) -> Result<Vec<JobView>> {
    find(parts, which, limit, after, false)
}

/// One unfinished job with its attempts.
pub fn job(parts: &Parts, id: i64) -> Result<Option<JobView>> {
    let which = JobFilter { ids: Some(vec![id]), ..JobFilter::default() };
    Ok(find(parts, &which, 1, i64::MIN, true)?.pop())
}

/// Parked messages with id above `after`, by id.
pub fn parked(parts: &Parts, limit: usize, after: i64) -> Result<Vec<Parked>> {
    let (reader, view) = parts.snapshot()?;
    let stored = parked::page(&reader, after, view.now, limit)?;
    let unsynced = view.unsynced.iter().flat_map(|commit| commit.parked()).filter(|parked| parked.id > after);
    let all: BTreeMap<_, _> = stored.into_iter().chain(unsynced.cloned()).map(|one| (one.id, one)).collect();
    Ok(all.into_values().take(limit).collect())
}

/// The last finished jobs, oldest first.
pub fn history(parts: &Parts) -> Result<Vec<Finished>> {
    parts.require_working()?;
    Ok(parts.history.lock().iter().cloned().collect())
}
