//! A store that tests command from outside: its disk is slow or broken at will, and the process dies in it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::{Error as Failure, ffi};
use rustix::process::{Signal, getpid, kill_process};

use super::{Meta, Reader, Sizes, SqliteStore, Store, StoreResult};
use crate::clock::Micros;
use crate::commit::Commit;

/// A test that holds the disk for longer has lost its way.
const DEADLINE: Duration = Duration::from_secs(30);

/// The disk is slow before the process dies in it: what is told or handed out too early gets out meanwhile.
const LINGER: Duration = Duration::from_millis(50);

/// Where a group may find its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    BeforeCommit,
    /// All of it is written, and nothing is synced.
    InCommit,
    /// It is durable, and nobody knows.
    AfterCommit,
}

impl Point {
    /// A point by the name that `tests/crash/points.py` gives it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "before a commit" => Some(Self::BeforeCommit),
            "in a commit, all of it written" => Some(Self::InCommit),
            "after a commit, before it is published" => Some(Self::AfterCommit),
            _ => None,
        }
    }
}

/// What is to become of the groups. Counts those that the committer brings: not what opening and closing write.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
    let_go: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    arrived: u64,
    groups: u64,
    codes: VecDeque<i32>,
    /// The point at which the process is killed, and the passings that are left until then.
    trap: Option<(Point, u64)>,
}

impl Faults {
    /// From now on no group reaches the file.
    pub fn hold(&self) {
        self.state.lock().held = true;
    }

    /// What was held up goes on.
    pub fn let_go(&self) {
        self.state.lock().held = false;
        self.let_go.notify_all();
    }

    #[must_use]
    pub fn is_held(&self) -> bool {
        self.state.lock().held
    }

    /// Groups that were brought, without those that failed.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.state.lock().arrived
    }

    /// Groups that are in the file.
    #[must_use]
    pub fn groups(&self) -> u64 {
        self.state.lock().groups
    }

    /// The next groups fail with these extended result codes of `SQLite`, one each, and do not reach the file.
    ///
    /// Whatever the code: `SQLITE_BUSY` is waited for where it is real, which is before a group begins.
    pub fn break_with(&self, codes: impl IntoIterator<Item = i32>) {
        self.state.lock().codes = codes.into_iter().collect();
    }

    /// Kills this process at the nth passing of a point, after 50 ms in which it goes on but for its disk.
    pub fn kill_at(&self, point: Point, passings: u64) {
        self.state.lock().trap = Some((point, passings));
    }

    fn passed(&self, point: Point) {
        let mut state = self.state.lock();
        if let Some((trap, left)) = &mut state.trap
            && *trap == point
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                std::thread::sleep(LINGER);
                kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
            }
        }
    }

    /// Waits while the disk is held; then the next fault, if there is one.
    fn arrive(&self) -> StoreResult<()> {
        let mut state = self.state.lock();
        state.arrived += 1;
        while state.held {
            let waited = self.let_go.wait_for(&mut state, DEADLINE);
            assert!(!waited.timed_out() || !state.held, "the test held the disk for too long");
        }
        let Some(code) = state.codes.pop_front() else { return Ok(()) };
        state.arrived -= 1;
        Err(Failure::SqliteFailure(ffi::Error::new(code), Some(format!("injected fault {code}"))).into())
    }
}

/// A store whose groups go through [`Faults`].
pub struct FaultyStore {
    store: SqliteStore,
    faults: Arc<Faults>,
}

impl FaultyStore {
    #[must_use]
    pub fn new(mut store: SqliteStore, faults: Arc<Faults>) -> Self {
        let told = faults.clone();
        store.written = Some(Box::new(move || told.passed(Point::InCommit)));
        Self { store, faults }
    }

    /// Makes the file's own limit `most` pages, or as many as it has; beyond it the disk is really full. Returns it.
    pub fn limit_pages(&self, most: i64) -> StoreResult<i64> {
        self.store.pragma(&format!("PRAGMA max_page_count = {most}"))
    }
}

impl Store for FaultyStore {
    fn path(&self) -> Option<&Path> {
        self.store.path()
    }

    fn meta(&self) -> StoreResult<Meta> {
        self.store.meta()
    }

    fn begin(&self, meta: &Meta, reserve: i64, crashed: &[i64], now: Micros) -> StoreResult<()> {
        self.store.begin(meta, reserve, crashed, now)
    }

    fn finish(&self, commit: i64) -> StoreResult<()> {
        self.store.finish(commit)
    }

    fn commit(&self, commits: &[Arc<Commit>]) -> StoreResult<()> {
        self.faults.passed(Point::BeforeCommit);
        self.faults.arrive()?;
        self.store.commit(commits)?;
        self.faults.state.lock().groups += 1;
        self.faults.passed(Point::AfterCommit);
        Ok(())
    }

    fn checkpoint(&self) -> StoreResult<()> {
        self.store.checkpoint()
    }

    fn reader(&self) -> StoreResult<Reader<'_>> {
        self.store.reader()
    }

    fn sizes(&self) -> StoreResult<Sizes> {
        self.store.sizes()
    }

    fn close(&self) {
        self.store.close();
    }
}
