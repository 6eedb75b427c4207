//! Ready jobs: a lane for each subscription and priority, and the scheduler that picks from them.
//!
//! A lane is a window on the store. It keeps at most `window_jobs` jobs in memory; what does not fit is *spilled*,
//! which costs an index entry, and is read back in id order as the window drains. Loading writes nothing: the row
//! keeps its place, and `cursor` remembers how far the window has read.
//!
//! Whoever publishes pushes into a lane without a lock; claimers, which hold the scheduler, pop. A lane that may have
//! work for them is *active*: in the queue of activated lanes, or in the scheduler's rotation, and in one of them once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;
use parking_lot::Mutex;

use crate::clock::Micros;
use crate::job::Record;

/// Every 16th hand-out takes the oldest job of any lane, so that nothing starves.
const AGEING: u64 = 16;
/// Priorities are 0 to 9, higher first.
pub const PRIORITIES: usize = 10;

/// A job that waits for nothing but a place, since some moment of the elapsed clock.
#[derive(Clone, Debug)]
pub struct Ready {
    pub record: Arc<Record>,
    pub since: Micros,
}

/// The places of one subscription: how many of its jobs run, and how many may.
#[derive(Debug, Default)]
pub struct Places {
    running: AtomicUsize,
    allowed: AtomicUsize,
}

impl Places {
    /// Whether one more job may run.
    #[must_use]
    pub fn free(&self) -> bool {
        self.running.load(Ordering::SeqCst) < self.allowed.load(Ordering::SeqCst)
    }

    /// Jobs that run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// How many may run from now on: none of an orphan's.
    pub fn allow(&self, places: usize) {
        self.allowed.store(places, Ordering::SeqCst);
    }

    /// A job has been claimed.
    pub fn take(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }

    /// A run has ended.
    pub fn give_back(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The ready jobs of one subscription and one priority, oldest first.
#[derive(Debug)]
pub struct Lane {
    pub sub: u32,
    pub priority: u8,
    places: Arc<Places>,
    window_jobs: usize,
    window_bytes: usize,
    incoming: SegQueue<Ready>,
    /// What goes before `incoming`: jobs that were put back, and the one that was looked at. Under the scheduler.
    front: Mutex<VecDeque<Ready>>,
    /// Jobs in memory. Rises after a push and falls before a pop, so that a count above 0 can be popped.
    len: AtomicUsize,
    /// Bytes of those, and of the promised ones.
    bytes: AtomicUsize,
    /// Jobs that have a place in memory and whose commits are not durable yet.
    promised: AtomicUsize,
    /// Jobs that wait in the store beyond `cursor`, counted from their commit on, durable or not.
    spilled: AtomicUsize,
    /// Those of them that are durable, so that the reader finds them.
    stored: AtomicUsize,
    cursor: AtomicI64,
    refilling: AtomicBool,
    active: AtomicBool,
}

impl Lane {
    /// An empty lane.
    #[must_use]
    pub fn new(sub: u32, priority: u8, places: Arc<Places>, window_jobs: usize, window_bytes: usize) -> Self {
        Self {
            sub,
            priority,
            places,
            window_jobs,
            window_bytes,
            incoming: SegQueue::new(),
            front: Mutex::default(),
            len: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            promised: AtomicUsize::new(0),
            spilled: AtomicUsize::new(0),
            stored: AtomicUsize::new(0),
            cursor: AtomicI64::new(0),
            refilling: AtomicBool::new(false),
            active: AtomicBool::new(false),
        }
    }

    /// Whether a new job of `size` bytes may enter memory: only behind everything that is already in line.
    #[must_use]
    pub fn admits(&self, size: usize) -> bool {
        if self.spilled() > 0 {
            return false; // first: what was spilled is counted in memory before it is no longer counted here
        }
        let count = self.len() + self.promised.load(Ordering::Acquire);
        count < self.window_jobs && (count == 0 || self.bytes.load(Ordering::Acquire) + size <= self.window_bytes)
    }

    /// Keeps a place in memory for a job of `size` bytes whose commit is not durable yet.
    pub fn promise(&self, size: usize) {
        self.promised.fetch_add(1, Ordering::AcqRel);
        self.bytes.fetch_add(size, Ordering::AcqRel);
    }

    /// Takes the job for which a place was promised.
    pub fn keep(&self, ready: Ready) {
        self.line_up(ready);
        self.promised.fetch_sub(1, Ordering::AcqRel);
    }

    /// Takes a job that had no promise: loaded, or due.
    pub fn push(&self, ready: Ready) {
        self.bytes.fetch_add(ready.record.size(), Ordering::AcqRel);
        self.line_up(ready);
    }

    fn line_up(&self, ready: Ready) {
        self.incoming.push(ready);
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes a released job where it was: at the head. Under the scheduler.
    pub fn put_back(&self, ready: Ready) {
        self.bytes.fetch_add(ready.record.size(), Ordering::AcqRel);
        self.front.lock().push_front(ready);
        self.len.fetch_add(1, Ordering::SeqCst);
    }

    /// Hands out the oldest job. Under the scheduler.
    pub fn pop(&self) -> Option<Ready> {
        let ready = self.front.lock().pop_front().or_else(|| self.incoming.pop())?;
        self.len.fetch_sub(1, Ordering::SeqCst);
        self.bytes.fetch_sub(ready.record.size(), Ordering::SeqCst);
        Some(ready)
    }

    /// The id and the time of acceptance of the oldest job in memory. Under the scheduler.
    #[must_use]
    pub fn oldest(&self) -> Option<(i64, Micros)> {
        let mut front = self.front.lock();
        if front.is_empty() {
            front.extend(self.incoming.pop());
        }
        front.front().map(|ready| (ready.record.id, ready.record.enqueued))
    }

    /// Jobs in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.load(Ordering::SeqCst)
    }

    /// Whether no job is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Jobs that wait in the store.
    #[must_use]
    pub fn spilled(&self) -> usize {
        self.spilled.load(Ordering::Acquire)
    }

    /// A new job waits in the store; it can be read once it is durable (`stored`).
    pub fn spill(&self) {
        self.spilled.fetch_add(1, Ordering::AcqRel);
    }

    /// A spilled job is durable.
    pub fn stored(&self) {
        self.stored.fetch_add(1, Ordering::SeqCst);
    }

    /// The jobs that the file has beyond the cursor, as an opening finds them.
    pub fn found(&self, spilled: usize, cursor: i64) {
        self.spilled.store(spilled, Ordering::Release);
        self.stored.store(spilled, Ordering::Release);
        self.cursor.store(cursor, Ordering::Release);
    }

    /// Where the next spilled job is to be looked for.
    #[must_use]
    pub fn cursor(&self) -> i64 {
        self.cursor.load(Ordering::Acquire)
    }

    /// Whether it is time to read more from the store; the caller that is told so does it, and then `refill`s.
    ///
    /// Three threads ask, each after it has changed one of these numbers: a claimer that popped, the publisher that
    /// stored, the reader that has read. In one order for all of them, so that the last one finds what it takes.
    #[must_use]
    pub fn wants_refill(&self) -> bool {
        self.stored.load(Ordering::SeqCst) > 0
            && self.len() <= self.window_jobs / 2
            && self.bytes.load(Ordering::SeqCst) <= self.window_bytes / 2
            && !self.refilling.swap(true, Ordering::SeqCst)
    }

    /// How many jobs to read, at most `chunk`, and of how many bytes. Ids rise with commits, so the first `stored` rows
    /// beyond the cursor are exactly those that are durable.
    #[must_use]
    pub fn room(&self, chunk: usize) -> (usize, usize) {
        let room = self.window_jobs.saturating_sub(self.len()).max(1);
        (self.stored.load(Ordering::Acquire).min(chunk).min(room), self.window_bytes / 2)
    }

    /// Takes what was read, by id. The jobs are in line before `spilled` falls: as long as it is above 0 no new job
    /// enters memory, so none can overtake them.
    pub fn refill(&self, found: Vec<Arc<Record>>, since: Micros) {
        let count = found.len();
        for record in found {
            self.cursor.store(record.id, Ordering::Release);
            self.push(Ready { record, since });
        }
        self.stored.fetch_sub(count, Ordering::SeqCst);
        self.spilled.fetch_sub(count, Ordering::AcqRel);
        self.refilling.swap(false, Ordering::SeqCst); // an exchange: what the caller looks at next is read after it
    }

    /// Forgets everything: the jobs are about to be read anew. Nobody else may use the lane meanwhile.
    pub fn clear(&self) {
        while self.pop().is_some() {}
        self.bytes.store(0, Ordering::Release);
        self.promised.store(0, Ordering::Release);
        self.found(0, 0);
        self.refilling.store(false, Ordering::Release);
    }

    fn has_work(&self) -> bool {
        !self.is_empty() && self.places.free()
    }
}

/// Lanes that may have work, on their way into the rotation of a scheduler.
#[derive(Debug, Default)]
pub struct Activated {
    lanes: SegQueue<Arc<Lane>>,
}

impl Activated {
    /// Makes a lane that has jobs and free places active; says whether it has. Push, then activate: the scheduler
    /// makes a lane inactive before it looks for the last time (`tests/loom.rs`).
    pub fn activate(&self, lane: &Arc<Lane>) -> bool {
        if !lane.has_work() {
            return false;
        }
        if !lane.active.swap(true, Ordering::SeqCst) {
            self.lanes.push(Arc::clone(lane));
        }
        true
    }
}

/// Picks jobs of one kind: higher priority first, round robin among equals, oldest first within a lane.
#[derive(Debug, Default)]
pub struct Scheduler {
    /// By priority; each a rotation.
    levels: [VecDeque<Arc<Lane>>; PRIORITIES],
    handed_out: u64,
    /// Ready jobs that were running in a crash: they run one at a time, so that the guilty one is found alone.
    pub suspects: VecDeque<(Ready, Arc<Places>)>,
}

impl Scheduler {
    /// Takes the next job; the caller counts it as running before it asks again.
    pub fn pick(&mut self, activated: &Activated) -> Option<Ready> {
        self.collect(activated);
        self.handed_out += 1;
        let lane = if self.handed_out.is_multiple_of(AGEING) { self.oldest()? } else { self.next()? };
        lane.pop()
    }

    /// Takes the first suspect whose subscription has a place; the caller asks only while no other one runs.
    pub fn pick_suspect(&mut self) -> Option<Ready> {
        let index = self.suspects.iter().position(|(_, places)| places.free())?;
        self.suspects.remove(index).map(|(ready, _)| ready)
    }

    /// Whether a job waits for nothing but a place of the engine, or for the end of another suspect.
    pub fn waiting(&mut self, activated: &Activated) -> bool {
        self.collect(activated);
        let mut lanes = self.levels.iter().flatten();
        lanes.any(|lane| lane.has_work()) || self.suspects.iter().any(|(_, places)| places.free())
    }

    /// Makes every lane inactive: kinds and places may have changed. The caller then offers each lane anew.
    pub fn reset(&mut self, activated: &Activated) {
        self.collect(activated);
        for lane in self.levels.iter_mut().flat_map(|level| level.drain(..)) {
            lane.active.swap(false, Ordering::SeqCst); // an exchange: loom has no order between stores and exchanges
        }
        self.handed_out = 0;
    }

    fn collect(&mut self, activated: &Activated) {
        while let Some(lane) = activated.lanes.pop() {
            self.levels[usize::from(lane.priority)].push_back(lane);
        }
    }

    fn oldest(&self) -> Option<Arc<Lane>> {
        let lanes = self.levels.iter().flatten().filter(|lane| lane.has_work());
        lanes.min_by_key(|lane| lane.oldest().map_or(i64::MAX, |(id, _)| id)).cloned()
    }

    fn next(&mut self) -> Option<Arc<Lane>> {
        for level in self.levels.iter_mut().rev() {
            while let Some(lane) = level.pop_front() {
                if lane.has_work() {
                    level.push_back(Arc::clone(&lane));
                    return Some(lane);
                }
                lane.active.swap(false, Ordering::SeqCst); // an exchange: loom has no order between stores and exchanges
                // A job may have come between the look and the store; whoever brought it saw an active lane.
                if lane.has_work() && !lane.active.swap(true, Ordering::SeqCst) {
                    level.push_back(lane);
                }
            }
        }
        None
    }
}
