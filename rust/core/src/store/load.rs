//! What an opening reads beside the jobs of the windows, and when the next thing expires.

use rusqlite::{Connection, Result};

use super::rows::count;
use crate::clock::Micros;

/// One row of the table `schedule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    pub sub: u32,
    pub expression: String,
    pub zone: String,
    pub last: Micros,
}

/// The subscriptions that the file knows, as (number, id).
pub fn names(connection: &Connection) -> Result<Vec<(u32, String)>> {
    let mut statement = connection.prepare_cached("SELECT id, text FROM name WHERE kind = 'sub' ORDER BY id")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The cron triggers that were declared.
pub fn schedules(connection: &Connection) -> Result<Vec<ScheduleRow>> {
    let mut statement = connection.prepare_cached("SELECT sub, expression, zone, last FROM schedule ORDER BY sub")?;
    let found = statement.query_map([], |row| {
        Ok(ScheduleRow { sub: row.get(0)?, expression: row.get(1)?, zone: row.get(2)?, last: row.get(3)? })
    })?;
    found.collect()
}

/// How many jobs of each lane are spilled, as (subscription, priority, count).
pub fn count_spilled(connection: &Connection) -> Result<Vec<(u32, u8, usize)>> {
    let sql = "SELECT sub, priority, count(*) FROM job WHERE place = 1 GROUP BY sub, priority";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, count(row, 2)?)))?.collect()
}

/// How many jobs of each subscription wait for time, as (subscription, count); those that crashed are among the waiting.
pub fn count_scheduled(connection: &Connection) -> Result<Vec<(u32, usize)>> {
    let sql = "SELECT sub, count(*) FROM job WHERE place = 2 AND crashes = 0 GROUP BY sub";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map([], |row| Ok((row.get(0)?, count(row, 1)?)))?.collect()
}

/// When the first parked message, dead letter or state item in the file expires: three index look-ups.
///
/// Dead letters are kept for `dead_for` microseconds.
pub fn next_expiry(connection: &Connection, dead_for: Micros) -> Result<Option<Micros>> {
    let first =
        |sql: &str| -> Result<Option<Micros>> { connection.prepare_cached(sql)?.query_row([], |row| row.get(0)) };
    let times = [
        first("SELECT min(until) FROM parked")?,
        first("SELECT min(expires) FROM state WHERE expires IS NOT NULL")?,
        first("SELECT min(due) FROM job WHERE place = 3")?.map(|died| died.saturating_add(dead_for)),
    ];
    Ok(times.into_iter().flatten().min())
}
