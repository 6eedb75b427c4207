//! The rows of cron triggers. A tick's job and its row are one commit, which is what makes it fire never twice.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::Micros;
use crate::commit::{Commit, Operation};
use crate::engine::contract::{Enqueued, Message, ScheduleRow};
use crate::engine::enqueue::{Planner, route};
use crate::engine::parts::Parts;
use crate::engine::register::subscribed;
use crate::engine::sequence::Sequence;
use crate::error::{Error, Result};
use crate::job::Bytes;

/// All rows, by subscription.
pub fn rows(parts: &Parts) -> Result<Vec<ScheduleRow>> {
    Ok(parts.sequence()?.schedules.values().cloned().collect())
}

/// The row as it is; made, or reset to its `last` where expression or zone differ.
pub fn declare(parts: &Parts, row: ScheduleRow) -> Result<ScheduleRow> {
    let mut sequence = parts.sequence()?;
    if let Some(known) = sequence.schedules.get(&row.subscription)
        && (&known.expression, &known.zone) == (&row.expression, &row.zone)
    {
        return Ok(known.clone());
    }
    keep(parts, &mut sequence, row.clone(), Commit::default())?;
    Ok(row)
}

/// Sets the row's `last`; returns the commit.
pub fn reset(parts: &Parts, subscription: &str, last: Micros) -> Result<i64> {
    let mut sequence = parts.sequence()?;
    let row = ScheduleRow { last, ..row(&sequence, subscription) };
    keep(parts, &mut sequence, row, Commit::default())
}

/// Makes the tick's job and moves the row's `last` to `at`; `None`, and nothing made, if it is there already.
pub fn fire(parts: &Parts, subscription: &str, at: Micros, meta: Bytes) -> Result<Option<Enqueued>> {
    require_storable(subscription, at)?;
    let message = Message {
        payload: Arc::from(*b"null"),
        subscription: Some(subscription.to_owned()),
        meta,
        ..Message::default()
    };
    let mut sequence = parts.sequence()?;
    let routed = route(&parts.routes.load(), &message)?;
    let row = row(&sequence, subscription);
    if row.last >= at {
        return Ok(None);
    }
    parts.disk.require_room()?;
    sequence.require_room(&parts.settings, 2, 0)?;
    let mut commit = Commit::default();
    let mut planner = Planner { parts, sequence: &mut sequence, commit: &mut commit, now: parts.clock.now() };
    let receipt = planner.plan(&message, &routed, None);
    let number = keep(parts, &mut sequence, ScheduleRow { last: at, ..row }, commit)?;
    Ok(Some(Enqueued { commit: number, receipts: vec![receipt] }))
}

/// Jobs of a subscription that are neither finished nor dead.
pub fn unfinished(parts: &Parts, subscription: &str) -> Result<i64> {
    parts.require_working()?;
    let directory = parts.directory.load();
    let known = directory.by_id.get(subscription);
    Ok(known.map_or(0, |known| known.unfinished.load(Ordering::Acquire)))
}

fn row(sequence: &Sequence, subscription: &str) -> ScheduleRow {
    sequence.schedules.get(subscription).cloned().unwrap_or_else(|| ScheduleRow {
        subscription: subscription.to_owned(),
        expression: String::new(),
        zone: "UTC".to_owned(),
        last: 0,
    })
}

fn keep(parts: &Parts, sequence: &mut Sequence, row: ScheduleRow, mut commit: Commit) -> Result<i64> {
    require_storable(&row.subscription, row.last)?;
    let number = subscribed(parts, sequence, &row.subscription, &mut commit).number;
    commit.write(Operation::Schedule {
        sub: number,
        expression: row.expression.clone(),
        zone: row.zone.clone(),
        last: row.last,
    });
    sequence.schedules.insert(row.subscription.clone(), row);
    Ok(parts.commit(sequence, commit))
}

fn require_storable(subscription: &str, last: Micros) -> Result<()> {
    if last < 0 {
        return Err(Error::Value(format!("{subscription}: a schedule's time is microseconds since 1970, not {last}")));
    }
    Ok(())
}
