//! Items of state in the file: one, a page of a group, all of them.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::rows::{bound, bytes};
use crate::clock::Micros;
use crate::job::Bytes;

/// One row of the table `state`, without its names. `id` orders a group by insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRow {
    pub id: i64,
    pub value: Bytes,
    pub version: i64,
    pub expires: Option<Micros>,
}

/// The columns of [`item`], from column `first` on.
const COLUMNS: &str = "id, value, version, expires";

/// The item of a key, expired or not.
pub fn read(connection: &Connection, group: &str, key: &str) -> Result<Option<StateRow>> {
    let sql = format!("SELECT {COLUMNS} FROM state WHERE grp = ? AND key = ?");
    connection.prepare_cached(&sql)?.query_row((group, key), |row| item(row, 0)).optional()
}

/// The items of a group with ids above `after` that are not expired at `now`, in its order, with their keys.
pub fn page(
    connection: &Connection,
    group: &str,
    after: i64,
    now: Micros,
    limit: Option<usize>,
) -> Result<Vec<(String, StateRow)>> {
    let sql = format!(
        "SELECT key, {COLUMNS} FROM state \
         WHERE grp = ? AND id > ? AND (expires IS NULL OR expires > ?) ORDER BY id LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = limit.map_or(-1, bound);
    statement.query_map((group, after, now, limit), |row| Ok((row.get(0)?, item(row, 1)?)))?.collect()
}

/// The names of all groups, of those with nothing but expired items too.
pub fn groups(connection: &Connection) -> Result<Vec<String>> {
    connection.prepare_cached("SELECT DISTINCT grp FROM state")?.query_map([], |row| row.get(0))?.collect()
}

/// Shows all items to `look`, by id, with group and key; stops where it says so. Returns whether it saw them all.
pub fn each(connection: &Connection, mut look: impl FnMut(&str, &str, StateRow) -> ControlFlow<()>) -> Result<bool> {
    let mut statement = connection.prepare_cached(&format!("SELECT grp, key, {COLUMNS} FROM state ORDER BY id"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (group, key) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        if look(group, key, item(row, 2)?).is_break() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn item(row: &Row<'_>, first: usize) -> Result<StateRow> {
    Ok(StateRow {
        id: row.get(first)?,
        value: bytes(row, first + 1)?,
        version: row.get(first + 2)?,
        expires: row.get(first + 3)?,
    })
}
