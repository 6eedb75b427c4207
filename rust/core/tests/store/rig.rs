//! Files, and what is put into them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use motia_core::commit::{Commit, Failed, Operation};
use motia_core::job::{Bytes, Failure, Place, Record};
use motia_core::log::Log;
use motia_core::settings::Durability;
use motia_core::store::{SqliteStore, Store};
use tempfile::TempDir;

/// A directory of its own, with a database in it once it is opened.
pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) log: Arc<Log>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), log: Arc::default() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("engine.db")
    }

    pub(crate) fn try_open(&self) -> motia_core::error::Result<SqliteStore> {
        SqliteStore::open(Some(&self.path()), Durability::Os, self.log.clone())
    }

    pub(crate) fn open(&self) -> SqliteStore {
        self.try_open().unwrap()
    }

    /// A store that was begun, as an engine has it.
    pub(crate) fn begun(&self) -> SqliteStore {
        begun(self.open())
    }

    /// What a process that is killed now leaves behind, in a directory of its own.
    pub(crate) fn killed(&self) -> Self {
        let left = Self::new();
        for name in ["engine.db", "engine.db-wal"] {
            let from = self.dir.path().join(name);
            if from.exists() {
                std::fs::copy(from, left.dir.path().join(name)).unwrap();
            }
        }
        left
    }

    /// A connection of another program.
    pub(crate) fn stranger(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

pub(crate) fn in_memory() -> SqliteStore {
    begun(SqliteStore::open(None, Durability::Memory, Arc::default()).unwrap())
}

fn begun(store: SqliteStore) -> SqliteStore {
    store.begin(&store.meta().unwrap(), 1_000, &[], 0).unwrap();
    store
}

/// The content of a file without a database around it.
pub(crate) fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

pub(crate) fn bytes(text: &str) -> Bytes {
    text.as_bytes().into()
}

/// A ready job of subscription 1.
pub(crate) fn job(id: i64) -> Record {
    Record {
        id,
        message: id,
        sub: 1,
        priority: 5,
        enqueued: 1_000 + id,
        meta: Bytes::default(),
        payload: bytes(&format!("\"payload {id}\"")),
        place: Place::Window,
        due: None,
        due_elapsed: None,
        attempt: 0,
        crashes: 0,
        error: None,
    }
}

pub(crate) fn in_place(record: Record, place: Place, due: Option<i64>) -> Record {
    Record { place, due, ..record }
}

pub(crate) fn failure(message: &str) -> Failure {
    Failure { kind: "ValueError".into(), message: message.into(), traceback: "at".into(), reason: "failed".into() }
}

pub(crate) fn failed(job: i64, at: i64, message: &str) -> Operation {
    Operation::Attempt(Failed { job, at, attempt: 1, error: failure(message).into() })
}

pub(crate) fn inserts(number: i64, jobs: impl IntoIterator<Item = Record>) -> Arc<Commit> {
    let inserted = jobs.into_iter().map(Arc::new).collect();
    Arc::new(Commit { number, inserted, ..Commit::default() })
}

pub(crate) fn deletes(number: i64, deleted: impl IntoIterator<Item = i64>) -> Arc<Commit> {
    Arc::new(Commit { number, deleted: deleted.into_iter().collect(), ..Commit::default() })
}

pub(crate) fn writes(number: i64, operations: impl IntoIterator<Item = Operation>) -> Arc<Commit> {
    Arc::new(Commit { number, operations: operations.into_iter().collect(), ..Commit::default() })
}

pub(crate) fn ids(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.id).collect()
}
