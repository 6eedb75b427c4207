//! Load: memory as the file has it. Nothing is written.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::Connection;

use crate::clock::micros;
use crate::engine::contract::ScheduleRow;
use crate::engine::parts::{Parts, Running};
use crate::engine::reader::shared;
use crate::engine::sequence::Sequence;
use crate::engine::subscribed::{Directory, Subscribed};
use crate::job::Record;
use crate::lane::{Lane, Ready};
use crate::store::state::each;
use crate::store::{StoreResult, load, rows};
use crate::wheel::timed::Timed;

/// Bytes of state that are read at once when the engine opens: a small state is warm from the start, and a large one
/// does not delay the first job.
const STATE_BYTES: usize = 16 * 1024 * 1024;

/// Fills the memory of an engine that is being opened.
pub(super) fn load_all(parts: &Parts) -> StoreResult<()> {
    let reader = parts.store.reader()?;
    know_names(parts, &reader)?;
    load_schedules(parts, &reader)?;
    load_state(parts, &reader)?;
    if let Some(soonest) = load::next_expiry(&reader, micros(parts.settings.dead_for))? {
        parts.expire_from(soonest);
    }
    load_jobs(parts, &reader, &mut parts.sequence.lock(), &mut parts.running.lock())
}

/// Reads all jobs anew; whoever holds `publishing` too then hands them out anew. Only while none is running and every
/// commit is durable.
pub(super) fn read_anew(parts: &Parts, sequence: &mut Sequence, running: &mut Running) -> StoreResult<()> {
    sequence.condemned.clear();
    for (scheduler, activated) in running.schedulers.iter_mut().zip(&parts.activated) {
        scheduler.reset(activated);
        scheduler.suspects.clear();
    }
    parts.directory.load().all().for_each(|known| known.clear());
    let reader = parts.store.reader()?;
    load_jobs(parts, &reader, sequence, running)
}

fn know_names(parts: &Parts, connection: &Connection) -> StoreResult<()> {
    let mut sequence = parts.sequence.lock();
    let mut directory = Directory::default();
    for (number, text) in load::names(connection)? {
        directory.add(&text, Arc::new(Subscribed::new(number, &text, &parts.settings)));
        sequence.names.insert(text, number);
    }
    parts.directory.store(Arc::new(directory));
    Ok(())
}

fn load_schedules(parts: &Parts, connection: &Connection) -> StoreResult<()> {
    let directory = parts.directory.load();
    let mut sequence = parts.sequence.lock();
    for found in load::schedules(connection)? {
        let load::ScheduleRow { sub: number, expression, zone, last } = found;
        let subscription = directory.get(number).declared().id.clone();
        let row = ScheduleRow { subscription: subscription.clone(), expression, zone, last };
        sequence.schedules.insert(subscription, row);
    }
    Ok(())
}

fn load_state(parts: &Parts, connection: &Connection) -> StoreResult<()> {
    let limit = STATE_BYTES.min(parts.settings.state_cache_bytes);
    let mut taken = 0;
    let mut cache = parts.cache.lock();
    let whole = each(connection, |group, key, row| {
        taken += row.value.len() + group.len() + key.len();
        if taken > limit {
            return ControlFlow::Break(());
        }
        cache.put(&group.into(), &key.into(), row.into());
        ControlFlow::Continue(())
    })?;
    if whole {
        cache.completed();
    }
    Ok(())
}

/// Fills lanes, wheels and the list of suspects.
fn load_jobs(
    parts: &Parts,
    connection: &Connection,
    sequence: &mut Sequence,
    running: &mut Running,
) -> StoreResult<()> {
    let directory = parts.directory.load();
    let mut newest: BTreeMap<(u32, u8), Vec<Arc<Record>>> = BTreeMap::new();
    let mut suspects = Vec::new();
    let scheduled = load::count_scheduled(connection)?;
    for (sub, _) in &scheduled {
        *directory.get(*sub).wheel.lock() = Timed::stored(parts.settings.window_jobs);
    }
    for record in shared(rows::waiting(connection)?) {
        if record.crashes > 0 {
            // The wheel comes upon its row, and knows it.
            directory.get(record.sub).wheel.lock().take_out(record.id);
            suspects.push(record);
        } else {
            newest.entry((record.sub, record.priority)).or_default().push(record);
        }
    }
    load_lanes(parts, &directory, connection, newest)?;
    load_scheduled(parts, &directory, connection, scheduled)?;
    for known in directory.all() {
        let lanes: usize = known.lanes().map(|lane| lane.len() + lane.spilled()).sum();
        let waiting = i64::try_from(lanes).unwrap_or(i64::MAX) + known.scheduled.load(Ordering::Acquire);
        known.unfinished.fetch_add(waiting, Ordering::AcqRel);
    }
    for record in suspects {
        let known = directory.get(record.sub);
        known.unfinished.fetch_add(1, Ordering::AcqRel);
        if record.crashes >= parts.settings.max_crashes {
            sequence.condemned.push(record);
        } else {
            parts.suspect(running, known, record, parts.clock.elapsed());
        }
    }
    Ok(())
}

/// Fills the lanes. A job entered the window only while nothing was spilled, so older spilled jobs go before it.
fn load_lanes(
    parts: &Parts,
    directory: &Directory,
    connection: &Connection,
    newest: BTreeMap<(u32, u8), Vec<Arc<Record>>>,
) -> StoreResult<()> {
    for (sub, priority, count) in load::count_spilled(connection)? {
        directory.get(sub).lane(priority).found(count, 0);
    }
    let since = parts.clock.elapsed();
    for ((sub, priority), records) in newest {
        let lane = directory.get(sub).lane(priority);
        let last = records.last().map_or(0, |record| record.id);
        let older =
            if lane.spilled() > 0 { shared(rows::spilled(connection, sub, priority, 0, last)?) } else { Vec::new() };
        let cursor = older.last().map_or(0, |record| record.id);
        lane.found(lane.spilled() - older.len(), cursor);
        line_up(lane, older, records, since);
    }
    Ok(())
}

fn line_up(lane: &Lane, older: Vec<Arc<Record>>, newer: Vec<Arc<Record>>, since: i64) {
    let mut all = older;
    all.extend(newer);
    all.sort_by_key(|record| record.id);
    for record in all {
        lane.push(Ready { record, since });
    }
}

fn load_scheduled(
    parts: &Parts,
    directory: &Directory,
    connection: &Connection,
    scheduled: Vec<(u32, usize)>,
) -> StoreResult<()> {
    let limit = parts.settings.window_jobs;
    for (sub, count) in scheduled {
        let known = directory.get(sub);
        known.scheduled.store(i64::try_from(count).unwrap_or(i64::MAX), Ordering::Release);
        parts.timed.lock().insert(sub);
        let mut wheel = known.wheel.lock();
        if let Some(from) = wheel.load(parts.clock.now()) {
            let found = shared(rows::due(connection, sub, from, limit)?);
            let more = found.len() == limit;
            wheel.loaded(found, more, |_| false);
        }
    }
    Ok(())
}
