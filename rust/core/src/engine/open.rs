//! Open: take the directory, count the boot, note who ran in a crash, and read what is there. Close is its inverse.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{Builder, JoinHandle};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use crate::directory::DataDirectory;
use crate::disk::Disk;
use crate::engine::load::{load_all, read_anew};
use crate::engine::parts::{NEVER, Parts, Progress, Running};
use crate::engine::reader::{self, Request};
use crate::engine::sequence::{ID_BLOCK, Sequence};
use crate::engine::tick::tick;
use crate::engine::{committer, subscribed::Directory};
use crate::error::{Error, Result};
use crate::lease::Leases;
use crate::log::Log;
use crate::metrics::{COMMITS, Observed, SECONDS};
use crate::route::Routes;
use crate::running::{RunningFile, named_jobs};
use crate::settings::{Durability, Settings};
use crate::state::cache::Cache;
use crate::store::{Meta, SqliteStore, Store, StoreError, StoreResult, opening_error};
use crate::wake::Wake;
use crate::wheel::Wheel;

/// An engine's inside, the directory that it holds, and its threads.
pub struct Opened {
    pub parts: Arc<Parts>,
    directory: Option<DataDirectory>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held while the engine closes, so that a second `close` returns when the first one has finished.
    closing: Mutex<()>,
}

/// Stands a store of the tests in front of the real one, which is what comes back in production.
pub type Wrap<'a> = &'a dyn Fn(SqliteStore) -> Box<dyn Store>;

/// See `contract.Open`.
pub fn open(settings: Settings, log: Arc<Log>, wrap: Wrap<'_>) -> Result<Opened> {
    let Some(path) = settings.data_dir.clone() else {
        return open_in(settings, log, wrap, None);
    };
    let directory = DataDirectory::open(&path, settings.lock_wait, &log)?;
    match open_in(settings, log, wrap, Some(path.clone())) {
        Ok(mut opened) => {
            directory.sign(Some(opened.parts.boot)).map_err(|error| opening_error(Some(&path), &error.into()))?;
            opened.directory = Some(directory);
            Ok(opened)
        }
        Err(error) => {
            directory.release();
            Err(error)
        }
    }
}

fn open_in(settings: Settings, log: Arc<Log>, wrap: Wrap<'_>, path: Option<PathBuf>) -> Result<Opened> {
    if path.is_none() && settings.durability != Durability::Memory {
        let text = "data_dir is None, which only durability=\"memory\" can do without";
        return Err(Error::Value(text.to_owned()));
    }
    let file = path.filter(|_| settings.durability != Durability::Memory);
    let running = file.as_ref().map(|folder| folder.join("running"));
    let database = file.as_ref().map(|folder| folder.join("engine.db"));
    let store = wrap(SqliteStore::open(database.as_deref(), settings.durability, Arc::clone(&log))?);
    let unusable = |error: StoreError| opening_error(database.as_deref(), &error);
    let (requests, asked) = channel();
    let meta = store.meta().map_err(unusable)?;
    let parts = Arc::new(parts(settings, log, store, &meta, file.as_deref(), requests)?);
    if let Err(error) = fill(&parts, &meta, running.as_deref()) {
        parts.store.close();
        return Err(unusable(error));
    }
    let threads = Mutex::new(start(&parts, asked)?);
    tick(&parts)?; // what became due while nobody looked is ready from the start
    Ok(Opened { parts, directory: None, threads, closing: Mutex::default() })
}

/// Reads what is there before the first write: a damaged file is found here, and stays as it is.
fn fill(parts: &Parts, meta: &Meta, running: Option<&Path>) -> StoreResult<()> {
    load_all(parts)?;
    let crashed = match running {
        Some(path) if !meta.clean => named_jobs(path, meta.boot)?,
        _ => Vec::new(),
    };
    parts.store.begin(meta, ID_BLOCK, &crashed, parts.clock.now())?;
    parts.running.lock().file = RunningFile::create(running, parts.settings.concurrency, parts.boot)?;
    if !crashed.is_empty() {
        read_anew(parts, &mut parts.sequence.lock(), &mut parts.running.lock())?;
    }
    Ok(())
}

fn parts(
    settings: Settings,
    log: Arc<Log>,
    store: Box<dyn Store>,
    meta: &Meta,
    folder: Option<&Path>,
    requests: std::sync::mpsc::Sender<Request>,
) -> Result<Parts> {
    let boot = meta.boot + 1;
    let clock = Arc::clone(&settings.clock);
    let running = Running {
        schedulers: Default::default(),
        leases: Leases::new(boot),
        deadlines: Wheel::new(),
        told: NEVER,
        file: RunningFile::create(None, settings.concurrency, boot)
            .map_err(|error| opening_error(None, &error.into()))?,
        owner: "".into(),
    };
    let wake =
        Wake::new().map_err(|error| Error::Engine(format!("no descriptor to wake an event loop by: {error}")))?;
    Ok(Parts {
        disk: Disk::new(folder, settings.min_free_disk, Arc::clone(&clock), Arc::clone(&log)),
        boot,
        wake,
        publishing: Mutex::default(),
        sequence: Mutex::new(Sequence::new(meta.commit, meta.next_id)),
        work: Condvar::new(),
        running: Mutex::new(running),
        activated: Default::default(),
        directory: ArcSwap::from_pointee(Directory::default()),
        routes: ArcSwap::from_pointee(Routes::default()),
        timed: Mutex::default(),
        cache: Mutex::new(Cache::new(settings.state_cache_bytes)),
        progress: Mutex::new(Progress::default()),
        progressed: Condvar::new(),
        durable: AtomicI64::new(meta.commit),
        published: AtomicI64::new(meta.commit),
        committed: AtomicI64::new(meta.commit),
        next_expiry: AtomicI64::new(NEVER),
        history: Mutex::new(VecDeque::new()),
        requests,
        registering: Mutex::default(),
        dead_letters: Mutex::default(),
        chance: AtomicU64::new(clock.now().unsigned_abs() ^ u64::from(std::process::id()) << 32),
        group: Observed::new(&COMMITS),
        sync: Observed::new(&SECONDS),
        closed: AtomicBool::new(false),
        failed: AtomicBool::new(false),
        forked: AtomicBool::new(false),
        clock,
        log,
        store,
        settings,
    })
}

fn start(parts: &Arc<Parts>, asked: Receiver<Request>) -> Result<Vec<JoinHandle<()>>> {
    let (committing, reading) = (Arc::clone(parts), Arc::clone(parts));
    let threads = [
        thread("committer", move || committer::run(&committing)),
        thread("reader", move || reader::run(&reading, &asked)),
    ];
    threads.into_iter().collect()
}

/// Names of threads have 15 letters on Linux.
fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = Builder::new().name(format!("motia-{name}")).spawn(body);
    thread.map_err(|error| Error::Engine(format!("cannot start the thread of the {name}: {error}")))
}

impl Opened {
    /// Finishes the current group, marks the file as closed cleanly, and lets go of the directory.
    ///
    /// # Errors
    /// Where the file cannot be marked: the next opening then takes it for one after a crash, which loses nothing.
    pub fn close(&self) -> Result<()> {
        if self.parts.forked.load(Ordering::Acquire) {
            return Ok(());
        }
        let _closing = self.closing.lock();
        if self.parts.closed.load(Ordering::Acquire) {
            return Ok(());
        }
        {
            let _sequence = self.parts.sequence.lock();
            // First: what was accepted from here on would not be written any more.
            self.parts.closed.store(true, Ordering::Release);
        }
        self.parts.finish_commits();
        self.parts.request(Request::Stop);
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked has stopped the engine and said so.
            let _ = thread.join();
        }
        self.parts.commits_ended();
        let marked = self.mark_clean();
        let emptied = self.parts.running.lock().file.close(); // an end in order is no crash of what runs
        self.parts.store.close();
        if let Some(directory) = &self.directory {
            directory.release();
        }
        self.parts.wake.close();
        marked.and(emptied.map_err(|error| Error::Engine(format!("cannot empty the file of running jobs: {error}"))))
    }

    fn mark_clean(&self) -> Result<()> {
        if self.parts.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        Ok(self.parts.store.finish(self.parts.durable())?)
    }

    /// This process is a forked child: lets go of everything without touching it.
    pub fn forked(&self) {
        self.parts.forked.store(true, Ordering::Release);
        if let Some(directory) = &self.directory {
            directory.release();
        }
    }
}
