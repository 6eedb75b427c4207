//! Publish: commits are durable now, so what they made is handed out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Micros;
use crate::commit::Commit;
use crate::engine::parts::Parts;
use crate::engine::reader::Request;
use crate::engine::subscribed::{Directory, Subscribed};
use crate::job::{Place, Record};
use crate::lane::Ready;

/// Called by the committer, which holds `publishing`, after the sync of these commits.
pub(super) fn publish(parts: &Parts, commits: &[Arc<Commit>]) {
    let directory = parts.directory.load();
    let (now, elapsed) = (parts.clock.now(), parts.clock.elapsed());
    let mut touched = Touched::default();
    for commit in commits {
        for (sub, job) in &commit.left {
            directory.get(*sub).wheel.lock().forget(*job);
        }
        for record in commit.inserted.iter().chain(&commit.changed) {
            let subscribed = directory.get(record.sub);
            hand_out(parts, subscribed, record, now, elapsed);
            touched.add(record.sub);
        }
        if commit.sweeps {
            parts.request(Request::FindExpiry);
        }
    }
    touched.offer(parts, &directory);
    let written = commits.iter().map(|commit| (commit.number, commit.keys.as_slice()));
    parts.cache.lock().published(written);
}

fn hand_out(parts: &Parts, subscribed: &Subscribed, record: &Arc<Record>, now: Micros, elapsed: Micros) {
    match record.place {
        Place::Window => subscribed.lane(record.priority).keep(Ready { record: Arc::clone(record), since: elapsed }),
        Place::Spilled => subscribed.lane(record.priority).stored(),
        Place::Scheduled => wait_for_time(parts, subscribed, record, now, elapsed),
        Place::Dead | Place::Keyed => {}
    }
}

fn wait_for_time(parts: &Parts, subscribed: &Subscribed, record: &Arc<Record>, now: Micros, elapsed: Micros) {
    let mut wheel = subscribed.wheel.lock();
    if wheel.hands_over(record, now, elapsed) {
        wheel.take_out(record.id);
        drop(wheel);
        subscribed.scheduled.fetch_sub(1, Ordering::AcqRel);
        parts.make_ready(subscribed, Arc::clone(record), elapsed);
    } else {
        wheel.add(Arc::clone(record));
        drop(wheel);
        parts.timed.lock().insert(subscribed.number);
        parts.wake.signal(); // `next_due` may be nearer now
    }
}

/// Subscriptions that have something new, each once. There are few of them in a group, so a list will do.
#[derive(Debug, Default)]
pub(super) struct Touched {
    numbers: Vec<u32>,
}

impl Touched {
    /// Something is new in this one.
    pub(super) fn add(&mut self, number: u32) {
        if self.numbers.last() != Some(&number) && !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
    }

    /// Puts what is new where claimers look; says of each kind whether there is something for them.
    pub(super) fn activate(&self, parts: &Parts, directory: &Directory) -> [bool; 2] {
        let mut found = [false; 2];
        for subscribed in self.numbers.iter().map(|number| directory.get(*number)) {
            let kind = subscribed.kind();
            found[kind as usize] |= parts.activate(subscribed, kind);
        }
        found
    }

    /// Tells whoever claims.
    pub(super) fn offer(&self, parts: &Parts, directory: &Directory) {
        if self.activate(parts, directory) != [false; 2] {
            parts.wake.signal();
        }
    }
}
