//! Connections for reading: kept open, lent out, each in a transaction while it is.

use std::ops::Deref;
use std::path::Path;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use super::opening::connect_reader;
use super::{StoreError, StoreResult};

/// Idle readers of one file; `None` once it is closed.
#[derive(Debug)]
pub(super) struct Pool(Mutex<Option<Vec<Connection>>>);

impl Pool {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }

    /// Lends a connection out. Its snapshot is taken by the first read, which is why there is one.
    pub(super) fn lend(&self, path: &Path) -> StoreResult<Reader<'_>> {
        let idle = self.0.lock().as_mut().ok_or(StoreError::Closed)?.pop();
        let connection = idle.map_or_else(|| connect_reader(path), Ok)?;
        connection.prepare_cached("BEGIN")?.execute([])?;
        let reader = Reader(Source::Lent { connection: Some(connection), pool: self });
        reader.prepare_cached("SELECT v FROM meta WHERE k = 'commit'")?.query_row([], |_| Ok(()))?;
        Ok(reader)
    }

    /// Closes what is idle; what is lent out is closed when it comes back.
    pub(super) fn close(&self) {
        drop(self.0.lock().take());
    }

    fn take_back(&self, connection: Connection) {
        let ended = connection.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
        if let (Ok(_), Some(idle)) = (ended, self.0.lock().as_mut()) {
            idle.push(connection);
        }
    }
}

/// A connection for reading until it is dropped; see [`super::Store::reader`].
#[derive(Debug)]
pub struct Reader<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Lent { connection: Option<Connection>, pool: &'a Pool },
    Shared(parking_lot::MappedMutexGuard<'a, Connection>),
}

impl<'a> Reader<'a> {
    /// The writer's own connection, under its lock.
    pub(super) fn shared<T>(
        writer: MutexGuard<'a, T>,
        connection: fn(&mut T) -> Option<&mut Connection>,
    ) -> StoreResult<Self> {
        let shared = MutexGuard::try_map(writer, connection).map_err(|_| StoreError::Closed)?;
        Ok(Self(Source::Shared(shared)))
    }
}

impl Deref for Reader<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.0 {
            Source::Lent { connection, .. } => connection.as_ref().expect("taken by drop alone"),
            Source::Shared(connection) => connection,
        }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Source::Lent { connection, pool } = &mut self.0
            && let Some(connection) = connection.take()
        {
            pool.take_back(connection);
        }
    }
}
