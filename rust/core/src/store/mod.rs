//! The file: one `SQLite` database in WAL mode, written by one thread in group transactions.
//!
//! All SQL of the crate is below this module.
#![expect(clippy::missing_errors_doc, reason = "all of it fails alike: as SQLite does, or because the store is closed")]

mod opening;
mod reader;
mod sqlite;
mod writes;

#[cfg(feature = "faults")]
pub mod faulty;
pub mod jobs;
pub mod load;
pub mod parked;
pub mod rows;
pub mod schema;
pub mod state;

use std::path::Path;
use std::sync::Arc;

use thiserror::Error;

use crate::clock::Micros;
use crate::commit::Commit;
use crate::error::Error;

pub use opening::opening_error;
pub use reader::Reader;
pub use sqlite::SqliteStore;

/// The values of the table `meta` that an opening needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    pub commit: i64,
    pub next_id: i64,
    pub boot: i64,
    pub clean: bool,
}

/// Bytes of the database and its WAL, and pages that are free inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub database: u64,
    pub wal: u64,
    pub free_pages: u64,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the engine is closed")]
    Closed,
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Closed => Self::Closed(error.to_string()),
            error => Self::Engine(format!("cannot read the database: {error}")),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

pub type StoreResult<T> = Result<T, StoreError>;

/// One open database. One thread at a time commits and checkpoints; readers come from any thread.
///
/// A trait, so that a store of the tests can stand in front of the real one and let it fail, wait or die.
pub trait Store: Send + Sync {
    /// The database's file; `None` in memory.
    fn path(&self) -> Option<&Path>;

    /// What the last process wrote in `meta`.
    fn meta(&self) -> StoreResult<Meta>;

    /// Counts this opening, marks the file as in use and reserves `reserve` ids; the jobs in `crashed` count a crash, and
    /// are due at once. All of it is durable when it returns.
    fn begin(&self, meta: &Meta, reserve: i64, crashed: &[i64], now: Micros) -> StoreResult<()>;

    /// Marks the file as closed cleanly; `commit` is the last commit in it.
    fn finish(&self, commit: i64) -> StoreResult<()>;

    /// Writes and syncs a group, all of it or nothing. Waits while another program holds the file, and says so.
    fn commit(&self, commits: &[Arc<Commit>]) -> StoreResult<()>;

    /// Moves the WAL into the database when it has grown, and gives free pages back; called between groups.
    fn checkpoint(&self) -> StoreResult<()>;

    /// A connection for reading, in a transaction of its own whose snapshot is taken now. Keep it short.
    ///
    /// In memory it is the writer's connection, under its lock: one at a time in a thread, and whoever holds it must not
    /// wait for a lock under which others ask for one.
    fn reader(&self) -> StoreResult<Reader<'_>>;

    /// What the file takes on the disk.
    fn sizes(&self) -> StoreResult<Sizes>;

    /// Closes every connection; `SQLite` then empties the WAL into the database. Whoever comes later gets `Closed`.
    fn close(&self);
}
