//! Rows of `job` as records: every way in which a job comes back from the file.

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, Error, Params, Result, Row};
use serde_json::Value;

use crate::clock::Micros;
use crate::job::{Bytes, Failure, Place, Record};

/// The columns of [`record`], but the last one: the error of a job that failed.
pub(super) const COLUMNS: &str = "id, message, sub, priority, place, due, attempt, crashes, enqueued, meta, payload";
/// Only a scheduled row can have failed before, so only those pay for this.
const LAST_ERROR: &str = "(SELECT error FROM attempt WHERE job = job.id ORDER BY n DESC LIMIT 1)";

/// The rows that no index leads to: those of the windows, and jobs that were running in a crash; by id.
pub fn waiting(connection: &Connection) -> Result<Vec<Record>> {
    let sql = format!(
        "SELECT {COLUMNS}, CASE WHEN place = 2 THEN {LAST_ERROR} END FROM job \
         WHERE place = 0 OR (place = 2 AND crashes > 0) ORDER BY id"
    );
    records(connection, &sql, [])
}

/// The spilled rows of a lane with ids above `cursor` and below `until`, by id.
pub fn spilled(connection: &Connection, sub: u32, priority: u8, cursor: i64, until: i64) -> Result<Vec<Record>> {
    let sql = format!(
        "SELECT {COLUMNS}, NULL FROM job \
         WHERE place = 1 AND sub = ? AND priority = ? AND id > ? AND id < ? ORDER BY id"
    );
    records(connection, &sql, (sub, priority, cursor, until))
}

/// The next rows of a lane beyond its cursor: at most `count`, and not many more than `size` bytes.
pub fn refill(
    connection: &Connection,
    (sub, priority): (u32, u8),
    cursor: i64,
    count: usize,
    size: usize,
) -> Result<Vec<Record>> {
    let sql = format!(
        "SELECT {COLUMNS}, NULL FROM job \
         WHERE place = 1 AND sub = ? AND priority = ? AND id > ? ORDER BY id LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    let mut taken = 0;
    let mut rows = statement.query((sub, priority, cursor, bound(count)))?;
    while let Some(row) = rows.next()?
        && taken < size
    {
        let record = record(row)?;
        taken += record.size();
        found.push(record);
    }
    Ok(found)
}

/// The next `count` scheduled rows of a subscription, by (due, id), from that pair on.
pub fn due(connection: &Connection, sub: u32, from: (Micros, i64), count: usize) -> Result<Vec<Record>> {
    let sql = format!(
        "SELECT {COLUMNS}, {LAST_ERROR} FROM job \
         WHERE place = 2 AND sub = ? AND (due, id) >= (?, ?) ORDER BY due, id LIMIT ?"
    );
    records(connection, &sql, (sub, from.0, from.1, bound(count)))
}

fn records(connection: &Connection, sql: &str, values: impl Params) -> Result<Vec<Record>> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(values, record)?.collect()
}

/// One row with the columns `COLUMNS` and an error.
pub(super) fn record(row: &Row<'_>) -> Result<Record> {
    let error = row.get_ref(11)?.as_bytes_or_null().map_err(|error| wrong(11, error))?;
    Ok(Record {
        id: row.get(0)?,
        message: row.get(1)?,
        sub: row.get(2)?,
        priority: row.get(3)?,
        place: Place::from_column(row.get(4)?),
        due: row.get(5)?,
        due_elapsed: None,
        attempt: row.get(6)?,
        crashes: row.get(7)?,
        enqueued: row.get(8)?,
        meta: bytes(row, 9)?,
        payload: bytes(row, 10)?,
        error: error.map(|data| decode_failure(11, data)).transpose()?.map(Into::into),
    })
}

/// A column's bytes; those of a text where somebody wrote one by hand.
pub(super) fn bytes(row: &Row<'_>, column: usize) -> Result<Bytes> {
    match row.get_ref(column)?.as_bytes() {
        Ok([]) => Ok(Bytes::default()), // shared: most jobs have no meta
        Ok(found) => Ok(found.into()),
        Err(error) => Err(wrong(column, error)),
    }
}

/// A failure from the column `attempt.error`.
pub(super) fn decode_failure(column: usize, data: &[u8]) -> Result<Failure> {
    let fields: Value = serde_json::from_slice(data)
        .map_err(|error| Error::FromSqlConversionFailure(column, Type::Blob, error.into()))?;
    let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
    Ok(Failure { kind: text("type"), message: text("message"), traceback: text("traceback"), reason: text("reason") })
}

fn wrong(column: usize, error: FromSqlError) -> Error {
    Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}

/// What a `count(*)` says.
pub(super) fn count(row: &Row<'_>, column: usize) -> Result<usize> {
    let found: i64 = row.get(column)?;
    usize::try_from(found).map_err(|_| Error::IntegralValueOutOfRange(column, found))
}

/// A count as a LIMIT.
pub(super) fn bound(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
