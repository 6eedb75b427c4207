//! The store itself: who holds which connection, and what is done between groups.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::{Connection, Error as Failure, ffi};

use super::opening::{self, file_size, number, opening_error, wal_of};
use super::reader::Pool;
use super::{Meta, Reader, Sizes, Store, StoreError, StoreResult, writes};
use crate::clock::Micros;
use crate::commit::Commit;
use crate::error::Result;
use crate::log::Log;
use crate::settings::Durability;

/// A WAL of about 1,000 pages is overwritten in place, which syncs faster; 10,000 pages gave stalls of 35 ms.
const CHECKPOINT_PAGES: usize = 1_000;
/// Free pages that are kept for what comes next.
const FREE_KEPT: i64 = 1_024;
/// Pages that are given back at once.
const VACUUM_STEP: usize = 256;
/// Groups between two looks at the free pages.
const LOOK_EVERY: usize = 64;
/// Between two lines about a file that somebody else holds.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// See [`Store`].
pub struct SqliteStore {
    path: Option<PathBuf>,
    log: Arc<Log>,
    writer: Mutex<Writer>,
    readers: Pool,
    #[cfg(feature = "faults")]
    pub(super) written: Option<Box<dyn Fn() + Send + Sync>>,
}

/// What the lock of the writer holds.
struct Writer {
    /// `None` once the store is closed.
    connection: Option<Connection>,
    /// About how many pages the WAL has that are not in the database yet.
    unmoved: usize,
    groups: usize,
    shrinking: bool,
}

impl SqliteStore {
    /// Opens or makes the file; without a path, the database is in memory, and readers share its connection.
    ///
    /// Fails with `DataDirUnusable`, `FormatTooNew`, `StoreCorrupt`.
    pub fn open(path: Option<&Path>, durability: Durability, log: Arc<Log>) -> Result<Self> {
        // Absolute: readers open the file later, perhaps from another working directory. And no name is taken for a URI.
        let path = path.map(std::path::absolute).transpose().map_err(|error| opening_error(path, &error.into()))?;
        let connection = Some(opening::open(path.as_deref(), durability)?);
        Ok(Self {
            path,
            log,
            writer: Mutex::new(Writer { connection, unmoved: 0, groups: 0, shrinking: false }),
            readers: Pool::new(),
            #[cfg(feature = "faults")]
            written: None,
        })
    }

    /// Sets something of the writer's connection, and returns what it is then.
    #[cfg(feature = "faults")]
    pub(super) fn pragma(&self, sql: &str) -> StoreResult<i64> {
        Ok(number(self.writer.lock().connection()?, sql)?)
    }

    /// Writes something as one transaction, with a sync at its end, together with the number of its last commit.
    fn transaction(&self, commit: i64, write: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> StoreResult<()> {
        let writer = self.writer.lock();
        let connection = writer.connection()?;
        self.begin_alone(connection)?;
        let written = write(connection).and_then(|()| {
            writes::set_meta(connection, "commit", commit)?;
            #[cfg(feature = "faults")]
            self.written.iter().for_each(|written| written());
            connection.prepare_cached("COMMIT")?.execute([])
        });
        if written.is_err() && !connection.is_autocommit() {
            // On a full disk or an I/O error SQLite has rolled back by itself; what this adds is no news.
            let _ = connection.execute_batch("ROLLBACK");
        }
        written.map(drop).map_err(StoreError::from)
    }

    /// Begins the one writing transaction. Somebody else may hold the file (a backup, a curious shell): waits for them.
    fn begin_alone(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut said: Option<Instant> = None;
        loop {
            match connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([])) {
                Err(error) if is_busy(&error) => self.tell_busy(&mut said),
                begun => return begun.map(drop),
            }
        }
    }

    fn tell_busy(&self, said: &mut Option<Instant>) {
        if said.is_none_or(|said| said.elapsed() > SAY_EVERY) {
            *said = Some(Instant::now());
            let path = self.path.as_deref().unwrap_or(Path::new(":memory:")).display();
            self.log.warn(format!("{path} is locked by another program; commits wait for it"));
        }
    }
}

impl Store for SqliteStore {
    fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn meta(&self) -> StoreResult<Meta> {
        let writer = self.writer.lock();
        let connection = writer.connection()?;
        let value = |key: &str| connection.query_row("SELECT v FROM meta WHERE k = ?", [key], |row| row.get(0));
        Ok(Meta {
            commit: value("commit")?,
            next_id: value("next_id")?,
            boot: value("boot")?,
            clean: value("clean")? != 0,
        })
    }

    fn begin(&self, meta: &Meta, reserve: i64, crashed: &[i64], now: Micros) -> StoreResult<()> {
        self.transaction(meta.commit, |connection| {
            writes::set_meta(connection, "boot", meta.boot + 1)?;
            writes::set_meta(connection, "clean", 0)?;
            writes::set_meta(connection, "next_id", meta.next_id + reserve)?;
            writes::mark_crashed(connection, crashed, now)
        })
    }

    fn finish(&self, commit: i64) -> StoreResult<()> {
        self.transaction(commit, |connection| writes::set_meta(connection, "clean", 1))
    }

    fn commit(&self, commits: &[Arc<Commit>]) -> StoreResult<()> {
        let Some(last) = commits.last() else { return Ok(()) };
        self.transaction(last.number, |connection| writes::write(connection, commits))?;
        self.writer.lock().unmoved += writes::pages(commits);
        Ok(())
    }

    fn checkpoint(&self) -> StoreResult<()> {
        if self.path.is_none() {
            return Ok(());
        }
        match self.writer.lock().tidy() {
            Err(StoreError::Sqlite(error)) if is_busy(&error) => Ok(()), // somebody else holds the file: another time
            tidied => tidied,
        }
    }

    fn reader(&self) -> StoreResult<Reader<'_>> {
        match &self.path {
            Some(path) => self.readers.lend(path),
            None => Reader::shared(self.writer.lock(), |writer| writer.connection.as_mut()),
        }
    }

    fn sizes(&self) -> StoreResult<Sizes> {
        let Some(path) = &self.path else { return Ok(Sizes::default()) };
        let free = number(&*self.reader()?, "PRAGMA freelist_count")?;
        Ok(Sizes {
            database: file_size(path)?,
            wal: file_size(&wal_of(path))?,
            free_pages: u64::try_from(free).unwrap_or(0),
        })
    }

    fn close(&self) {
        self.readers.close();
        drop(self.writer.lock().connection.take());
    }
}

impl Writer {
    fn connection(&self) -> StoreResult<&Connection> {
        self.connection.as_ref().ok_or(StoreError::Closed)
    }

    fn tidy(&mut self) -> StoreResult<()> {
        self.groups += 1;
        if self.unmoved >= CHECKPOINT_PAGES {
            self.move_wal()?;
        }
        if self.shrinking || self.groups.is_multiple_of(LOOK_EVERY) {
            self.give_back()?;
        }
        Ok(())
    }

    /// What a reader still needs stays in the WAL, and counts half: no busy loop around a slow reader.
    fn move_wal(&mut self) -> StoreResult<()> {
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let (frames, moved): (i64, i64) =
            self.connection()?.prepare_cached(sql)?.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
        self.unmoved = usize::try_from(frames - moved).unwrap_or(0) / 2;
        Ok(())
    }

    /// Returns free pages to the file system, a few with each group, while they are many and a large share.
    fn give_back(&mut self) -> StoreResult<()> {
        let connection = self.connection.as_ref().ok_or(StoreError::Closed)?;
        let free = number(connection, "PRAGMA freelist_count")?;
        self.shrinking = false;
        if free > FREE_KEPT && free > number(connection, "PRAGMA page_count")? / 4 {
            let mut step = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM_STEP})"))?;
            let mut rows = step.query([])?;
            while rows.next()?.is_some() {} // a row for each page
            self.unmoved += VACUUM_STEP / 8;
            self.shrinking = true;
        }
        Ok(())
    }
}

fn is_busy(error: &Failure) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code & 0xFF == ffi::SQLITE_BUSY)
}
