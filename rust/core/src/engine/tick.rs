//! Tick: the only thing time does.

use std::sync::atomic::Ordering;

use crate::clock::{Micros, micros, seconds};
use crate::commit::{Commit, Operation};
use crate::engine::parts::{NEVER, Parts};
use crate::engine::reader::Request;
use crate::error::Result;

/// See the contract.
pub fn tick(parts: &Parts) -> Result<()> {
    parts.require_working()?;
    let (now, elapsed) = (parts.clock.now(), parts.clock.elapsed());
    hand_over_due(parts, now, elapsed);
    notice_overdue(parts, elapsed)?;
    if parts.next_expiry.load(Ordering::Acquire) <= now {
        sweep(parts, now)?;
    }
    Ok(())
}

fn hand_over_due(parts: &Parts, now: Micros, elapsed: Micros) {
    let _publishing = parts.publishing.lock();
    let directory = parts.directory.load();
    let timed = parts.timed.lock().clone();
    for subscribed in timed.into_iter().map(|number| directory.get(number)) {
        let mut wheel = subscribed.wheel.lock();
        let due = wheel.due(now, elapsed);
        if let Some(from) = wheel.load(now) {
            parts.request(Request::LoadDue {
                sub: subscribed.number,
                generation: subscribed.generation.load(Ordering::Acquire),
                from,
            });
        }
        let is_empty = wheel.is_empty();
        drop(wheel);
        if is_empty {
            parts.timed.lock().remove(&subscribed.number); // nothing is added meanwhile: that takes `publishing`
        }
        let any = !due.is_empty();
        for record in due {
            subscribed.scheduled.fetch_sub(1, Ordering::AcqRel);
            parts.make_ready(subscribed, record, elapsed);
        }
        if any {
            parts.offer(subscribed);
        }
    }
}

fn notice_overdue(parts: &Parts, elapsed: Micros) -> Result<()> {
    let mut running = parts.running()?;
    while let Some((_, lease)) = running.deadlines.pop_due(elapsed) {
        running.leases.overdue(lease);
        parts.wake.signal();
    }
    Ok(())
}

/// Seconds until `tick` has something to do.
pub fn next_due(parts: &Parts) -> Result<Option<f64>> {
    parts.require_working()?;
    let (now, elapsed) = (parts.clock.now(), parts.clock.elapsed());
    let mut soonest = {
        let mut running = parts.running()?;
        let deadline = running.deadlines.next_due();
        running.told = deadline.unwrap_or(NEVER);
        deadline.map(|due| due - elapsed)
    };
    let timed = parts.timed.lock().clone();
    let directory = parts.directory.load();
    for subscribed in timed.into_iter().filter_map(|number| directory.find(number)) {
        let wait = subscribed.wheel.lock().next_due(now, elapsed);
        soonest = soonest.into_iter().chain(wait).min();
    }
    let expiry = parts.next_expiry.load(Ordering::Acquire);
    let expiry = (expiry != NEVER).then(|| expiry - now);
    let soonest = soonest.into_iter().chain(expiry).min();
    Ok(soonest.map(|wait| seconds(wait.max(0))))
}

/// Removes what is expired; every verb that reads has hidden it since its time.
fn sweep(parts: &Parts, now: Micros) -> Result<()> {
    let mut sequence = parts.sequence()?;
    let mut commit = Commit { sweeps: true, ..Commit::default() };
    // Those that are being retried must not go meanwhile; the next sweep comes soon.
    let retrying = parts.dead_letters.is_locked();
    let died = (!retrying).then(|| now - micros(parts.settings.dead_for));
    commit.write(Operation::Sweep { now, died });
    parts.next_expiry.store(NEVER, Ordering::Release);
    parts.commit(&mut sequence, commit);
    parts.cache.lock().sweep(now);
    Ok(())
}
