//! Opening: whose file it is, whether this version may read it, and how it is to be written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, ffi};

use super::{StoreError, schema};
use crate::directory::{ANOTHER, REMEDY};
use crate::error::{Error, Result};
use crate::settings::Durability;

/// How long one attempt waits for another program that holds the file.
const BUSY: Duration = Duration::from_secs(1);
/// Bytes of WAL that stay allocated after a burst: enough for a few checkpoints' worth of pages.
const WAL_KEPT: u64 = 8 * 1024 * 1024;
/// Statements that a connection keeps prepared: more than there are different ones.
const STATEMENTS: usize = 64;

/// Opens or makes the file, whose path is absolute; in memory without one. Fails with `DataDirUnusable`, `FormatTooNew`, `StoreCorrupt`.
pub(super) fn open(path: Option<&Path>, durability: Durability) -> Result<Connection> {
    let writer = connect(path)
        .map_err(|error| Error::DataDirUnusable(format!("cannot open {}: {error}; {REMEDY}", shown(path))))?;
    match prepare(&writer, path, durability) {
        Ok(()) => Ok(writer),
        Err(Refused::Error(error)) => Err(error),
        Err(Refused::Store(error)) => Err(opening_error(path, &error)),
    }
}

/// A connection that only reads.
pub(super) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(Some(path))?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// What it means that a file, or its directory, could not be opened.
#[must_use]
pub fn opening_error(path: Option<&Path>, error: &StoreError) -> Error {
    let path = shown(path);
    if is_damage(error) {
        Error::StoreCorrupt(format!(
            "{path} is damaged or not a database ({error}); it was not touched: restore a backup"
        ))
    } else {
        Error::DataDirUnusable(format!("cannot use {path}: {error}; {REMEDY}"))
    }
}

/// Whether the file's content is to blame: what `SQLite` says is damaged, or a column that holds what no engine wrote.
fn is_damage(error: &StoreError) -> bool {
    use rusqlite::Error as E;
    match error {
        StoreError::Sqlite(E::SqliteFailure(failure, _)) => {
            matches!(failure.extended_code & 0xFF, ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB)
        }
        StoreError::Sqlite(
            E::QueryReturnedNoRows
            | E::InvalidColumnType(..)
            | E::IntegralValueOutOfRange(..)
            | E::FromSqlConversionFailure(..)
            | E::Utf8Error(..),
        ) => true,
        _ => false,
    }
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(|| ":memory:".into(), |path| path.display().to_string())
}

fn connect(path: Option<&Path>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match path {
        Some(path) => Connection::open_with_flags(path, flags),
        None => Connection::open_in_memory_with_flags(flags),
    }?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA fullfsync = ON")?; // macOS: a plain fsync stops at the drive's cache
    Ok(connection)
}

/// Why a file is not opened: for a reason of ours, or of the store below.
enum Refused {
    Error(Error),
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

fn prepare(writer: &Connection, path: Option<&Path>, durability: Durability) -> Result<(), Refused> {
    let found = number(writer, "PRAGMA user_version")?;
    let owner = number(writer, "PRAGMA application_id")?;
    let empty = number(writer, "SELECT count(*) FROM sqlite_master")? == 0;
    if empty && owner == 0 {
        create(writer)?;
    } else if owner != schema::APPLICATION_ID {
        let text = format!("{} is a database, but not one of motia_fast; it was not touched: {ANOTHER}", shown(path));
        return Err(Refused::Error(Error::StoreCorrupt(text)));
    } else if found > schema::FORMAT && min_reader(writer)? > schema::FORMAT {
        let path = PathBuf::from(shown(path));
        return Err(Refused::Error(Error::FormatTooNew { path, found, supported: schema::FORMAT }));
    } else if let Some(path) = path {
        require_whole(path, writer)?;
    }
    configure(writer, durability)?;
    Ok(())
}

fn configure(writer: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = if durability == Durability::Sync { "FULL" } else { "NORMAL" };
    writer.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {WAL_KEPT}"
    ))
}

/// Makes a whole new file, or nothing: the transaction is what a kill in the middle leaves behind.
fn create(writer: &Connection) -> rusqlite::Result<()> {
    writer.execute_batch("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE")?;
    writer.execute_batch(schema::TABLES)?;
    for (key, value) in schema::META {
        writer.execute("INSERT INTO meta(k, v) VALUES(?, ?)", (key, value))?;
    }
    writer.execute_batch(&format!(
        "PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
        schema::APPLICATION_ID,
        schema::FORMAT
    ))
}

/// The oldest format whose reader may open a file; one that says nothing says no.
fn min_reader(writer: &Connection) -> rusqlite::Result<i64> {
    match number(writer, "SELECT v FROM meta WHERE k = 'min_reader'") {
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(schema::FORMAT + 1),
        found => found,
    }
}

/// Refuses a file that was cut off. With a WAL beside it the file may still be short of what the WAL brings.
fn require_whole(path: &Path, writer: &Connection) -> Result<(), Refused> {
    if file_size(&wal_of(path))? > 0 {
        return Ok(());
    }
    let pages = number(writer, "PRAGMA page_count")?;
    let wanted = u64::try_from(pages * number(writer, "PRAGMA page_size")?).unwrap_or(0);
    let found = path.metadata()?.len();
    if found < wanted {
        let path = path.display();
        let text = format!("{path} was cut off: {found} of {wanted} bytes; it was not touched: restore a backup");
        return Err(Refused::Error(Error::StoreCorrupt(text)));
    }
    Ok(())
}

/// The WAL beside a database.
pub(super) fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The size of a file, 0 if it does not exist.
pub(super) fn file_size(path: &Path) -> std::io::Result<u64> {
    match path.metadata() {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// The one number that a statement answers.
pub(super) fn number(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}
