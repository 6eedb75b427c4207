//! Stats: counters and gauges of one moment. Dead letters and parked messages are counted in the file, everything else
//! in memory.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use crate::clock::{Micros, micros, seconds};
use crate::engine::contract::{Stats, SubscriptionStats};
use crate::engine::parts::Parts;
use crate::engine::subscribed::Subscribed;
use crate::error::Result;
use crate::job::Place;
use crate::store::{jobs, parked};

/// See the contract.
pub fn stats(parts: &Parts) -> Result<Stats> {
    let (reader, view) = parts.snapshot()?;
    // A commit that is written but not published is in the file and in the view: it counts once.
    let known: Vec<i64> = view.jobs.keys().copied().collect();
    let messages: Vec<i64> = view.unsynced.iter().flat_map(|commit| commit.parked()).map(|one| one.id).collect();
    let died = view.now - micros(parts.settings.dead_for);
    let mut dead: HashMap<u32, usize> = jobs::count_dead(&reader, died, &known)?.into_iter().collect();
    let parked = parked::count(&reader, view.now, &messages)?;
    drop(reader);
    for record in view.jobs.values().flatten().filter(|record| record.place == Place::Dead) {
        *dead.entry(record.sub).or_default() += 1;
    }
    let sizes = parts.store.sizes()?;
    let mut known: Vec<_> = view.directory.all().collect();
    known.sort_by_key(|one| one.declared().id.clone());
    let subscriptions = {
        let _running = parts.running()?; // the heads of lanes are looked at
        known.into_iter().map(|one| subscription(one, dead.get(&one.number).copied(), view.now)).collect()
    };
    let sequence = parts.sequence()?;
    Ok(Stats {
        durability: parts.settings.durability,
        committed: sequence.committed,
        durable: parts.durable.load(Ordering::Acquire),
        pending_operations: sequence.operations,
        pending_bytes: sequence.bytes,
        parked: parked + messages.len(),
        unmatched: sequence.unmatched.clone(),
        mismatches: sequence.mismatches,
        subscriptions,
        group: parts.group.view(),
        sync: parts.sync.view(),
        database_bytes: sizes.database,
        wal_bytes: sizes.wal,
        free_pages: sizes.free_pages,
        disk_low: parts.disk.low()?,
    })
}

fn subscription(known: &Subscribed, dead: Option<usize>, now: Micros) -> SubscriptionStats {
    let counters = &known.counters;
    let oldest = known.lanes().filter_map(|lane| lane.oldest()).map(|(_, enqueued)| enqueued).min();
    SubscriptionStats {
        subscription: known.declared(),
        ready: known.ready(),
        scheduled: usize::try_from(known.scheduled.load(Ordering::Acquire)).unwrap_or(0),
        running: known.places.running(),
        dead: dead.unwrap_or(0),
        orphaned: known.orphaned(),
        oldest: seconds((now - oldest.unwrap_or(now)).max(0)),
        enqueued: counters.enqueued.get(),
        done: counters.done.get(),
        failed: counters.failed.get(),
        retried: counters.retried.get(),
        snoozed: counters.snoozed.get(),
        skipped: counters.skipped.get(),
        died: counters.died.get(),
        wait: counters.wait.view(),
        run: counters.run.view(),
    }
}
