//! What the verbs share. Locks are taken in this order, and none is held while anything waits for the disk, but for the
//! merge of two subscriptions (`register`):
//!
//! `publishing` > `sequence` > `running` > (`timed`, a subscription's wheel, `cache`, `history`, `progress`: one of them
//! at a time)
//!
//! Before all of them, and held for the whole of one cold verb: `registering`, `dead_letters`.
//!
//! `sequence` makes the order: whoever holds it checks, changes memory, numbers, and appends to what is pending.
//! `publishing` makes the truth: the committer holds it while it advances `durable` and hands out jobs, and a reader
//! while it opens a snapshot and takes what the snapshot lacks. A claim takes `running` alone.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::clock::{Clock, Micros};
use crate::commit::Commit;
use crate::disk::Disk;
use crate::engine::contract::Finished;
use crate::engine::reader::Request;
use crate::engine::sequence::Sequence;
use crate::engine::subscribed::{Directory, Subscribed};
use crate::error::{Error, Result};
use crate::job::{Kind, Lease, Record};
use crate::lane::{Activated, Ready, Scheduler};
use crate::lease::Leases;
use crate::log::{Level, Log};
use crate::metrics::Observed;
use crate::route::Routes;
use crate::running::RunningFile;
use crate::settings::Settings;
use crate::state::cache::Cache;
use crate::store::Store;
use crate::wake::Wake;
use crate::wheel::{Key, Wheel};

/// Nothing expires.
pub const NEVER: Micros = Micros::MAX;

/// Who runs what, and who is next.
#[derive(Debug)]
pub struct Running {
    pub schedulers: [Scheduler; 2],
    pub leases: Leases<Key>,
    pub deadlines: Wheel<Lease>,
    /// The deadline that `next_due` told of last, on the elapsed clock; `NEVER` for none.
    pub told: Micros,
    pub file: RunningFile,
    /// The owner that claimed last: there is hardly ever another one.
    pub owner: Arc<str>,
}

/// How far the disk is, for those who wait for it.
#[derive(Debug, Default)]
pub struct Progress {
    /// The lowest commit that `wake` is to tell of.
    pub watched: Option<i64>,
    pub failure: Option<Error>,
    /// The committer has ended: nothing more becomes durable.
    pub ended: bool,
}

/// See the module.
pub struct Parts {
    pub settings: Settings,
    pub clock: Arc<Clock>,
    pub log: Arc<Log>,
    pub store: Box<dyn Store>,
    pub disk: Disk,
    pub boot: i64,
    pub wake: Wake,
    pub publishing: Mutex<()>,
    pub sequence: Mutex<Sequence>,
    /// Tells the committer that something is pending.
    pub work: Condvar,
    pub running: Mutex<Running>,
    pub activated: [Activated; 2],
    pub directory: ArcSwap<Directory>,
    pub routes: ArcSwap<Routes<Arc<Subscribed>>>,
    /// Those of the subscriptions that have scheduled jobs: the others cost a tick nothing.
    pub timed: Mutex<BTreeSet<u32>>,
    pub cache: Mutex<Cache>,
    pub progress: Mutex<Progress>,
    pub progressed: Condvar,
    /// The newest commit that survives a crash, and the newest one whose jobs were handed out as well.
    pub durable: AtomicI64,
    pub published: AtomicI64,
    pub committed: AtomicI64,
    /// When the next parked message, dead letter or state item expires, on the wall; `NEVER` for none.
    pub next_expiry: AtomicI64,
    pub history: Mutex<VecDeque<Finished>>,
    pub requests: Sender<Request>,
    /// Held, and taken first of all, by `register`: what it found parked nobody else routes, and names change hands once.
    pub registering: Mutex<()>,
    /// Held, and taken first of all, while dead letters are retried or purged: what was found dead stays so.
    pub dead_letters: Mutex<()>,
    pub chance: AtomicU64,
    pub group: Observed,
    pub sync: Observed,
    pub closed: AtomicBool,
    pub failed: AtomicBool,
    pub forked: AtomicBool,
}

impl Parts {
    /// `Forked` in a child of the process that opened the engine. Before any lock: the thread that held it may not
    /// exist in this process.
    pub fn require_ours(&self) -> Result<()> {
        if self.forked.load(Ordering::Acquire) {
            return Err(Error::Forked);
        }
        Ok(())
    }

    /// `Forked`, `Closed`.
    pub fn require_open(&self) -> Result<()> {
        self.require_ours()?;
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed("the engine is closed".to_owned()));
        }
        Ok(())
    }

    /// `Forked`, `Closed`, `Stopped`.
    pub fn require_working(&self) -> Result<()> {
        self.require_open()?;
        if self.failed.load(Ordering::Acquire) {
            return Err(self.failure().unwrap_or(Error::Forked));
        }
        Ok(())
    }

    /// Why the engine stopped for good.
    pub fn failure(&self) -> Option<Error> {
        self.progress.lock().failure.clone()
    }

    /// Takes the lock that orders commits; nothing can be appended once the engine is closed or has stopped.
    pub fn sequence(&self) -> Result<MutexGuard<'_, Sequence>> {
        self.require_ours()?;
        let sequence = self.sequence.lock();
        self.require_working()?;
        Ok(sequence)
    }

    /// Takes the lock of those who claim.
    pub fn running(&self) -> Result<MutexGuard<'_, Running>> {
        self.require_ours()?;
        let running = self.running.lock();
        self.require_working()?;
        Ok(running)
    }

    /// Numbers a commit and hands it to the committer; returns its number.
    pub fn commit(&self, sequence: &mut Sequence, commit: Commit) -> i64 {
        let number = sequence.append(commit);
        self.committed.store(number, Ordering::Release);
        self.work.notify_one();
        number
    }

    /// A number from 0 to 1, for jitter: a step of splitmix64.
    pub fn chance(&self) -> f64 {
        let mut bits = self.chance.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let chance = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        chance
    }

    /// The queue of activated lanes of one kind.
    pub fn activated(&self, kind: Kind) -> &Activated {
        &self.activated[kind as usize]
    }

    /// Puts a durable job that waits for nothing but a place into its lane, or among the suspects. The caller holds
    /// `publishing`, and offers the subscription afterwards.
    pub fn make_ready(&self, subscribed: &Subscribed, record: Arc<Record>, since: Micros) {
        if record.crashes == 0 {
            subscribed.lane(record.priority).push(Ready { record, since });
        } else {
            self.suspect(&mut self.running.lock(), subscribed, record, since);
        }
    }

    /// Puts a job that was running in a crash among the suspects.
    pub fn suspect(&self, running: &mut Running, subscribed: &Subscribed, record: Arc<Record>, since: Micros) {
        subscribed.suspected.fetch_add(1, Ordering::AcqRel);
        let places = Arc::clone(&subscribed.places);
        let scheduler = &mut running.schedulers[subscribed.kind() as usize];
        scheduler.suspects.push_back((Ready { record, since }, places));
        if !running.leases.suspect_runs() {
            self.wake.signal();
        }
    }

    /// Tells whoever claims that this subscription may have something for them.
    pub fn offer(&self, subscribed: &Subscribed) {
        if self.activate(subscribed, subscribed.kind()) {
            self.wake.signal();
        }
    }

    /// Puts the lanes of a subscription of that kind where claimers look; says whether there is something for them.
    pub fn activate(&self, subscribed: &Subscribed, kind: Kind) -> bool {
        let mut found = false;
        for lane in subscribed.lanes() {
            found |= self.activated(kind).activate(lane);
            self.refill(subscribed, lane.priority);
        }
        found
    }

    /// Asks for the next jobs of a lane when it is time to.
    pub fn refill(&self, subscribed: &Subscribed, priority: u8) {
        if subscribed.lane(priority).wants_refill() {
            self.request(Request::Refill {
                sub: subscribed.number,
                priority,
                generation: subscribed.generation.load(Ordering::Acquire),
            });
        }
    }

    /// Asks the reader for something.
    pub fn request(&self, request: Request) {
        // The reader ends with the engine: what is asked of it later nobody needs.
        let _ = self.requests.send(request);
    }

    /// Tells whoever claims that a place has become free which jobs of other subscriptions and kinds wait for.
    pub fn rouse(&self, running: &mut Running) {
        let pairs = running.schedulers.iter_mut().zip(&self.activated);
        let mut waiting = false;
        for (scheduler, activated) in pairs {
            waiting |= scheduler.waiting(activated);
        }
        if waiting {
            self.wake.signal();
        }
    }

    /// Writes which jobs run. A disk that refuses even that stops the engine: nothing starts unnoted.
    pub fn note_running(&self, running: &mut Running) -> Result<()> {
        running.file.write().map_err(|error| self.fail(&error.to_string()))
    }

    /// Something that is kept until then is on its way to the file.
    pub fn expire_from(&self, until: Micros) {
        self.next_expiry.fetch_min(until, Ordering::AcqRel);
    }

    /// Nothing is retried on a disk that lied: what the file holds now is what a restart finds.
    pub fn fail(&self, cause: &str) -> Error {
        let path = self.store.path().map_or_else(|| ":memory:".to_owned(), |path| path.display().to_string());
        self.log.push(Level::Critical, format!("the engine stopped: cannot write {path}: {cause}"));
        let error = Error::Stopped(format!(
            "the engine stopped: writing {path} failed ({cause}); nothing acknowledged is lost: mend the cause and \
             start again"
        ));
        let mut progress = self.progress.lock();
        progress.failure.get_or_insert_with(|| error.clone());
        self.failed.store(true, Ordering::Release);
        self.wake.signal();
        self.progressed.notify_all();
        error
    }
}
