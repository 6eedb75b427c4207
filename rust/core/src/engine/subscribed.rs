//! A subscription as the engine keeps it: its number in the file, its lanes, its places, its counters.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::clock::Micros;
use crate::engine::contract::Subscription;
use crate::job::{Kind, Record};
use crate::lane::{Lane, PRIORITIES, Places};
use crate::metrics::Counters;
use crate::settings::Settings;
use crate::wheel::timed::{Scheduled, Timed};

impl Scheduled for Record {
    fn id(&self) -> i64 {
        self.id
    }

    fn due(&self) -> Micros {
        self.due.unwrap_or(0)
    }

    fn due_elapsed(&self) -> Option<Micros> {
        self.due_elapsed
    }
}

/// One subscription that is declared, or was when its jobs were made (an orphan).
#[derive(Debug)]
pub struct Subscribed {
    pub number: u32,
    /// As declared last: an orphan's running jobs still settle by the policy they started under.
    declared: ArcSwap<Subscription>,
    orphaned: AtomicBool,
    pub places: Arc<Places>,
    lanes: [OnceLock<Arc<Lane>>; PRIORITIES],
    window_jobs: usize,
    window_bytes: usize,
    pub wheel: Mutex<Timed<Arc<Record>>>,
    /// Rises when the jobs are read anew: what a reader found before is stale.
    pub generation: AtomicU64,
    /// Jobs in the state scheduled, in memory or in the store.
    pub scheduled: AtomicI64,
    /// Ready jobs among the suspects, which are in no lane.
    pub suspected: AtomicI64,
    /// Jobs that are neither finished nor dead, durable or not.
    pub unfinished: AtomicI64,
    pub counters: Counters,
}

impl Subscribed {
    /// An orphan, until `register` declares it.
    #[must_use]
    pub fn new(number: u32, id: &str, settings: &Settings) -> Self {
        Self {
            number,
            declared: ArcSwap::from_pointee(Subscription::orphan(id)),
            orphaned: AtomicBool::new(true),
            places: Arc::default(),
            lanes: Default::default(),
            window_jobs: settings.window_jobs,
            window_bytes: settings.window_bytes,
            wheel: Mutex::new(Timed::new(settings.window_jobs)),
            generation: AtomicU64::new(0),
            scheduled: AtomicI64::new(0),
            suspected: AtomicI64::new(0),
            unfinished: AtomicI64::new(0),
            counters: Counters::default(),
        }
    }

    /// As it was declared last.
    #[must_use]
    pub fn declared(&self) -> Arc<Subscription> {
        self.declared.load_full()
    }

    /// Reads what was declared last, without a count of references.
    pub fn with<R>(&self, read: impl FnOnce(&Subscription) -> R) -> R {
        read(&self.declared.load())
    }

    /// Who runs its jobs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.with(|declared| declared.kind)
    }

    /// Gives it a new declaration; an orphan has no places.
    pub fn declare(&self, declared: Arc<Subscription>) {
        self.places.allow(declared.concurrency);
        self.declared.store(declared);
        self.orphaned.store(false, Ordering::Release);
    }

    /// Nobody declares it any more.
    pub fn orphan(&self) {
        self.places.allow(0);
        self.orphaned.store(true, Ordering::Release);
    }

    /// Gives it another id.
    pub fn rename(&self, id: &str) {
        let mut declared = Subscription::clone(&self.declared.load());
        id.clone_into(&mut declared.id);
        self.declared.store(Arc::new(declared));
    }

    /// Whether nobody declares it.
    #[must_use]
    pub fn orphaned(&self) -> bool {
        self.orphaned.load(Ordering::Acquire)
    }

    /// Its lane of that priority, made when first asked for.
    pub fn lane(&self, priority: u8) -> &Arc<Lane> {
        self.lanes[usize::from(priority)].get_or_init(|| {
            let places = Arc::clone(&self.places);
            Arc::new(Lane::new(self.number, priority, places, self.window_jobs, self.window_bytes))
        })
    }

    /// The lanes that there are.
    pub fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.lanes.iter().filter_map(OnceLock::get)
    }

    /// Jobs that wait for a place, spilled ones included.
    #[must_use]
    pub fn ready(&self) -> usize {
        let lanes: usize = self.lanes().map(|lane| lane.len() + lane.spilled()).sum();
        lanes + usize::try_from(self.suspected.load(Ordering::Acquire)).unwrap_or(0)
    }

    /// Forgets its jobs: they are about to be read anew.
    pub fn clear(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.lanes().for_each(|lane| lane.clear());
        *self.wheel.lock() = Timed::new(self.window_jobs);
        for count in [&self.scheduled, &self.suspected, &self.unfinished] {
            count.store(0, Ordering::Release);
        }
    }
}

/// All subscriptions, by number and by id. Replaced as a whole, never changed.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    numbered: Vec<Option<Arc<Subscribed>>>,
    pub by_id: FxHashMap<String, Arc<Subscribed>>,
}

impl Directory {
    /// The subscription of a number that some job has.
    ///
    /// # Panics
    /// Where no subscription has it: a job's number comes from here.
    #[must_use]
    pub fn get(&self, number: u32) -> &Arc<Subscribed> {
        self.find(number).expect("a job belongs to a subscription that is known")
    }

    /// The subscription of a number, if there is one.
    #[must_use]
    pub fn find(&self, number: u32) -> Option<&Arc<Subscribed>> {
        self.numbered.get(number as usize).and_then(Option::as_ref)
    }

    /// Adds one.
    pub fn add(&mut self, id: &str, subscribed: Arc<Subscribed>) {
        let index = subscribed.number as usize;
        if self.numbered.len() <= index {
            self.numbered.resize(index + 1, None);
        }
        self.numbered[index] = Some(Arc::clone(&subscribed));
        self.by_id.insert(id.to_owned(), subscribed);
    }

    /// All of them, by number.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Subscribed>> {
        self.numbered.iter().flatten()
    }
}
