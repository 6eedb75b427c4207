//! Jobs as people look for them: pages of rows that fit, the attempts of one, how many are dead.

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Result, ToSql};

use super::rows::{self, COLUMNS, bound, decode_failure, record};
use crate::clock::Micros;
use crate::job::{Failure, Record};

/// What the file can narrow down by itself; `None` is anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    pub ids: Option<&'a [i64]>,
    /// Numbers of subscriptions.
    pub subs: Option<&'a [u32]>,
    /// Dead letters, or everything else.
    pub dead: Option<bool>,
}

/// A failed attempt; `n` counts the failures of the job from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub n: u32,
    pub at: Micros,
    pub error: Failure,
}

/// Rows with ids above `after`, by id, at most `limit`; without their errors.
pub fn page(connection: &Connection, which: &Which<'_>, after: i64, limit: usize) -> Result<Vec<Record>> {
    let mut clauses = String::new();
    let mut values: Vec<ToSqlOutput<'_>> = Vec::new();
    if let Some(ids) = which.ids {
        clauses += "id IN (SELECT value FROM json_each(?)) AND ";
        values.push(json(ids).into());
    }
    if let Some(subs) = which.subs {
        clauses += "sub IN (SELECT value FROM json_each(?)) AND ";
        values.push(json(subs).into());
    }
    match which.dead {
        Some(true) => clauses += "place = 3 AND ",
        Some(false) => clauses += "place <> 3 AND ",
        None => {}
    }
    values.extend([after.into(), bound(limit).into()]);
    let sql = format!("SELECT {COLUMNS}, NULL FROM job WHERE {clauses}id > ? ORDER BY id LIMIT ?");
    let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    connection.prepare_cached(&sql)?.query_map(&*values, record)?.collect()
}

/// The failed attempts of a job, in their order.
pub fn attempts(connection: &Connection, job: i64) -> Result<Vec<Attempt>> {
    let mut statement = connection.prepare_cached("SELECT n, at, error FROM attempt WHERE job = ? ORDER BY n")?;
    let found = statement.query_map([job], |row| {
        let error = decode_failure(2, row.get_ref(2)?.as_bytes()?)?;
        Ok(Attempt { n: row.get(0)?, at: row.get(1)?, error })
    })?;
    found.collect()
}

/// How many jobs of each subscription died after `died`, without those whose ids are in `except`.
pub fn count_dead(connection: &Connection, died: Micros, except: &[i64]) -> Result<Vec<(u32, usize)>> {
    let sql = "SELECT sub, count(*) FROM job \
         WHERE place = 3 AND due > ? AND id NOT IN (SELECT value FROM json_each(?)) GROUP BY sub";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map((died, json(except)), |row| Ok((row.get(0)?, rows::count(row, 1)?)))?.collect()
}

/// Numbers as a JSON array, which is how a statement takes a list.
pub(super) fn json<T: ToString>(numbers: &[T]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join(","))
}
