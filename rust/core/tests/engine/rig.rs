//! An engine in a directory of its own, whose clock and disk the test moves.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use motia_core::clock::{Clock, Micros};
use motia_core::commit::Commit;
use motia_core::engine::contract::{Claimed, Effect, Message, Settlement, Subscription};
use motia_core::engine::open::{Opened, open};
use motia_core::engine::parts::Parts;
use motia_core::engine::{claim::claim, enqueue::enqueue, settle::settle};
use motia_core::job::{Kind, Lease, Outcome};
use motia_core::retry::{Backoff, RetryPolicy};
use motia_core::settings::{Durability, Settings};
use motia_core::store::faulty::{Faults, FaultyStore};
use motia_core::store::{Meta, Reader, Sizes, Store, StoreResult};
use parking_lot::{Condvar, Mutex};
use tempfile::TempDir;

/// Wall and elapsed clock of a new rig: a wall that is far from the other.
pub(crate) const START: (Micros, Micros) = (1_700_000_000_000_000, 1_000_000);

/// What takes longer does not happen at all.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    _dir: TempDir,
    pub(crate) settings: Settings,
    pub(crate) faults: Arc<Faults>,
    pub(crate) gate: Arc<Gate>,
}

impl Rig {
    /// No sync at a commit: what these tests call a kill leaves the page cache as it is.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: Some(dir.path().to_owned()),
            durability: Durability::Os,
            lock_wait: 0.0,
            concurrency: 64,
            window_jobs: 65_536,
            window_bytes: 1 << 20,
            pending_operations: 65_536,
            pending_bytes: 1 << 26,
            group_commits: 256,
            min_free_disk: 0,
            max_payload: 1 << 20,
            max_value: 1 << 20,
            state_cache_bytes: 1 << 20,
            parked_for: 1e6,
            dead_for: 1e6,
            max_crashes: 3,
            history: 10,
            clock: Arc::new(Clock::manual(START.0, START.1)),
        };
        Self { _dir: dir, settings, faults: Arc::default(), gate: Arc::default() }
    }

    pub(crate) fn open(&self) -> Opened {
        let wrap = |store| -> Box<dyn Store> {
            Box::new(Gated { store: FaultyStore::new(store, Arc::clone(&self.faults)), gate: Arc::clone(&self.gate) })
        };
        open(self.settings.clone(), Arc::default(), &wrap).unwrap()
    }
}

/// Stops the next reader that a thread of some name asks for, until it is opened.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<(Option<String>, bool)>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn shut_for(&self, thread: &str) {
        *self.state.lock() = (Some(thread.to_owned()), false);
    }

    pub(crate) fn wait_until_reached(&self) {
        let mut state = self.state.lock();
        while !state.1 {
            assert!(!self.changed.wait_for(&mut state, DEADLINE).timed_out(), "nobody came to the gate");
        }
    }

    pub(crate) fn open(&self) {
        self.state.lock().0 = None;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.lock();
        while state.0.is_some() && state.0.as_deref() == thread::current().name() {
            state.1 = true;
            self.changed.notify_all();
            self.changed.wait(&mut state);
        }
    }
}

struct Gated {
    store: FaultyStore,
    gate: Arc<Gate>,
}

impl Store for Gated {
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
        self.store.commit(commits)
    }

    fn checkpoint(&self) -> StoreResult<()> {
        self.store.checkpoint()
    }

    fn reader(&self) -> StoreResult<Reader<'_>> {
        self.gate.pass();
        self.store.reader()
    }

    fn sizes(&self) -> StoreResult<Sizes> {
        self.store.sizes()
    }

    fn close(&self) {
        self.store.close();
    }
}

// ---------------------------------------------------------------- what is given to an engine

pub(crate) fn subscription(id: &str, topic: &str, kind: Kind) -> Subscription {
    let retry =
        RetryPolicy { max_retries: 2, backoff: Backoff::Fixed, backoff_delay: 5.0, backoff_max: 5.0, jitter: 0.0 };
    Subscription { topic: topic.to_owned(), kind, retry, timeout: None, ..Subscription::orphan(id) }
}

pub(crate) fn message(topic: &str, payload: &str) -> Message {
    Message { topic: topic.to_owned(), payload: payload.as_bytes().into(), ..Message::default() }
}

pub(crate) fn ending(lease: Lease, outcome: Outcome) -> Settlement {
    Settlement { lease, outcome, effects: Vec::new() }
}

// ---------------------------------------------------------------- verbs

/// Enqueues; returns the ids of the jobs, durable.
pub(crate) fn put(parts: &Parts, messages: &[Message]) -> Vec<i64> {
    let enqueued = enqueue(parts, messages).unwrap();
    assert!(parts.wait(enqueued.commit, Some(DEADLINE.as_secs_f64())).unwrap());
    enqueued.receipts.into_iter().flat_map(|receipt| receipt.job_ids).collect()
}

pub(crate) fn take(parts: &Parts, kind: Kind, limit: usize) -> Vec<Claimed> {
    claim(parts, "test", kind, limit).unwrap()
}

/// Settles one run, which nothing is wrong with.
pub(crate) fn end(parts: &Parts, lease: Lease, outcome: Outcome, effects: Vec<Effect>) -> i64 {
    let settled = settle(parts, vec![Settlement { lease, outcome, effects }]).unwrap();
    assert!(settled.refused.is_empty(), "{:?}", settled.refused);
    settled.commit
}

/// A flag that is raised when it goes out of scope too: threads that wait for it end, and their test fails.
#[derive(Debug, Default)]
pub(crate) struct Over(AtomicBool);

impl Over {
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn at_drop(&self) -> AtDrop<'_> {
        AtDrop(self)
    }
}

pub(crate) struct AtDrop<'a>(&'a Over);

impl Drop for AtDrop<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

pub(crate) fn until(what: &str, mut fact: impl FnMut() -> bool) {
    let started = Instant::now();
    while !fact() {
        assert!(started.elapsed() < DEADLINE, "it never happened: {what}");
        thread::sleep(Duration::from_micros(200));
    }
}
