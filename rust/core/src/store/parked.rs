//! Messages that wait for a subscription on their topic.

use rusqlite::{Connection, Result};

use super::rows::{self, bound, bytes};
use crate::clock::Micros;
use crate::commit::Parked;

/// Those with ids above `after` that are not expired at `now`, by id, at most `limit`.
pub fn page(connection: &Connection, after: i64, now: Micros, limit: usize) -> Result<Vec<Parked>> {
    let sql = "SELECT id, topic, until, options, meta, payload FROM parked \
         WHERE id > ? AND until > ? ORDER BY id LIMIT ?";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map((after, now, bound(limit)), |row| {
        Ok(Parked {
            id: row.get(0)?,
            topic: row.get(1)?,
            until: row.get(2)?,
            options: bytes(row, 3)?,
            meta: bytes(row, 4)?,
            payload: bytes(row, 5)?,
        })
    })?;
    found.collect()
}

/// How many there are at `now`, without those whose ids are in `except`.
pub fn count(connection: &Connection, now: Micros, except: &[i64]) -> Result<usize> {
    let sql = "SELECT count(*) FROM parked WHERE until > ? AND id NOT IN (SELECT value FROM json_each(?))";
    connection.prepare_cached(sql)?.query_row((now, super::jobs::json(except)), |row| rows::count(row, 0))
}
