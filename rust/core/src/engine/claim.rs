//! Claim: ready jobs become running, each with a lease. Every job in a lane is durable: `publish` put it there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::{Micros, micros, seconds};
use crate::engine::contract::Claimed;
use crate::engine::parts::{Parts, Running};
use crate::engine::subscribed::Subscribed;
use crate::error::Result;
use crate::job::Kind;
use crate::lane::{Activated, Ready};
use crate::lease::Run;

/// See the contract.
pub fn claim(parts: &Parts, owner: &str, kind: Kind, limit: usize) -> Result<Vec<Claimed>> {
    let elapsed = parts.clock.elapsed();
    let mut running = parts.running()?;
    let directory = parts.directory.load(); // after the lock: a job in a lane may be of a subscription made just now
    if &*running.owner != owner {
        running.owner = owner.into();
    }
    let room = limit.min(parts.settings.concurrency.saturating_sub(running.leases.len()));
    let mut claimed = Vec::with_capacity(room.min(64));
    while claimed.len() < room {
        let Some(ready) = next(&mut running, kind, parts.activated(kind)) else {
            break;
        };
        let subscribed = directory.get(ready.record.sub);
        parts.refill(subscribed, ready.record.priority);
        claimed.push(start(&mut running, kind, subscribed, ready, elapsed));
    }
    if !claimed.is_empty() {
        parts.note_running(&mut running)?;
        if kind == Kind::Thread {
            tell_deadline(parts, &mut running);
        }
    }
    Ok(claimed)
}

/// A thread goes from job to job by itself: the loop, which waits for what `next_due` told it, learns of a nearer one.
/// What the loop claims itself it knows.
fn tell_deadline(parts: &Parts, running: &mut Running) {
    if let Some(due) = running.deadlines.next_due()
        && due < running.told
    {
        running.told = due;
        parts.wake.signal();
    }
}

fn next(running: &mut Running, kind: Kind, activated: &Activated) -> Option<Ready> {
    let Running { schedulers, leases, .. } = running;
    let scheduler = &mut schedulers[kind as usize];
    if !scheduler.suspects.is_empty()
        && !leases.suspect_runs()
        && let Some(suspect) = scheduler.pick_suspect()
    {
        return Some(suspect);
    }
    scheduler.pick(activated)
}

fn start(running: &mut Running, kind: Kind, subscribed: &Subscribed, ready: Ready, elapsed: Micros) -> Claimed {
    let Ready { record, since } = ready;
    let subscription = subscribed.declared();
    let lease = running.leases.next(record.id);
    let timeout = subscription.timeout.map(micros);
    running.leases.begin(Run {
        lease,
        owner: Arc::clone(&running.owner),
        kind,
        record: Arc::clone(&record),
        claimed: elapsed,
        slot: running.file.take(record.id),
        deadline: timeout.map(|timeout| running.deadlines.insert(elapsed + timeout, lease)),
    });
    subscribed.places.take();
    if record.crashes > 0 {
        subscribed.suspected.fetch_sub(1, Ordering::AcqRel);
    }
    subscribed.counters.wait.add(seconds(elapsed - since));
    Claimed { lease, record, subscription }
}
