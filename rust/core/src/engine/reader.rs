//! The thread that reads ahead: lanes from their spill, scheduled jobs from beyond the horizon, the next expiry.
//!
//! It reads in short transactions of its own, without a lock, and hands over what it found under `publishing`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use rustc_hash::FxHashSet;

use crate::clock::{SECOND, micros};
use crate::engine::parts::Parts;
use crate::error::Result;
use crate::job::{self, Record};
use crate::store::load::next_expiry;
use crate::store::rows;
use crate::wheel::timed::Place;

/// Rows of one read: long enough to be worth a switch of threads, short enough to hold a snapshot for a few ms.
const CHUNK: usize = 4_096;

/// What can be asked of the reader. A generation that has passed makes it stale.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    Refill { sub: u32, priority: u8, generation: u64 },
    LoadDue { sub: u32, generation: u64, from: Place },
    FindExpiry,
    Stop,
}

/// Answers requests one after another, until it is told to stop.
pub fn run(parts: &Parts, requests: &Receiver<Request>) {
    for request in requests {
        if matches!(request, Request::Stop) {
            return;
        }
        let answered = catch_unwind(AssertUnwindSafe(|| answer(parts, request)));
        let cause = match answered {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the reader panicked, which is a mistake in motia_fast".to_owned(),
        };
        // Lanes that wait for this thread must not hang.
        drop(parts.fail(&cause));
        return;
    }
}

fn answer(parts: &Parts, request: Request) -> Result<()> {
    match request {
        Request::Refill { sub, priority, generation } => refill(parts, sub, priority, generation),
        Request::LoadDue { sub, generation, from } => load_due(parts, sub, generation, from),
        Request::FindExpiry => find_expiry(parts),
        Request::Stop => Ok(()),
    }
}

fn refill(parts: &Parts, sub: u32, priority: u8, generation: u64) -> Result<()> {
    let directory = parts.directory.load();
    let subscribed = directory.get(sub);
    let lane = subscribed.lane(priority);
    let (count, bytes) = lane.room(CHUNK);
    let found = {
        let reader = parts.store.reader()?;
        shared(rows::refill(&reader, (sub, priority), lane.cursor(), count, bytes)?)
    };
    let _publishing = parts.publishing.lock();
    if subscribed.generation.load(Ordering::Acquire) == generation {
        lane.refill(found, parts.clock.elapsed());
        parts.offer(subscribed);
    }
    Ok(())
}

fn load_due(parts: &Parts, sub: u32, generation: u64, from: Place) -> Result<()> {
    let directory = parts.directory.load();
    let subscribed = directory.get(sub);
    let count = CHUNK.min(parts.settings.window_jobs);
    let found = {
        let reader = parts.store.reader()?;
        shared(rows::due(&reader, sub, from, count)?)
    };
    let _publishing = parts.publishing.lock();
    if subscribed.generation.load(Ordering::Acquire) == generation {
        let more = found.len() == count;
        let unpublished = unpublished(parts, sub);
        subscribed.wheel.lock().loaded(found, more, |job| unpublished.contains(&job));
        parts.wake.signal();
    }
    Ok(())
}

/// Jobs that commits schedule which are not published yet.
fn unpublished(parts: &Parts, sub: u32) -> FxHashSet<i64> {
    let sequence = parts.sequence.lock();
    let commits = sequence.unsynced.iter().flat_map(|commit| commit.inserted.iter().chain(&commit.changed));
    let scheduled = commits.filter(|record| record.sub == sub && record.place == job::Place::Scheduled);
    scheduled.map(|record| record.id).collect()
}

/// Rows, as they are passed around from here on.
pub fn shared(rows: Vec<Record>) -> Vec<Arc<Record>> {
    rows.into_iter().map(Arc::new).collect()
}

fn find_expiry(parts: &Parts) -> Result<()> {
    let soonest = {
        let reader = parts.store.reader()?;
        next_expiry(&reader, micros(parts.settings.dead_for))?
    };
    if let Some(soonest) = soonest {
        // Expired items are hidden from every verb at once; removing them can wait for company.
        parts.expire_from(soonest.max(parts.clock.now() + SECOND));
    }
    Ok(())
}
