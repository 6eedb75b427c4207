//! The engine: each method takes, converts, calls one verb of the core, and gives.

use std::path::PathBuf;
use std::sync::Arc;

use motia_core::clock::Clock;
use motia_core::engine::open::{Opened, open};
use motia_core::engine::{claim, enqueue, register, settle, stats, tick};
use motia_core::log::{Level, Log};
use motia_core::settings::{Durability, Settings};
use motia_core::store::{SqliteStore, Store};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::contract::contract;
use crate::dead::DeadLetters;
use crate::errors::{exception, raise};
use crate::guard::{call, call_cold};
use crate::inspect::Inspect;
use crate::schedules::Schedules;
use crate::state::State;
use crate::take::Batch;
use crate::{give, take};

/// Seconds after which a call that waits looks whether a signal has come, Ctrl-C for one.
const SLICE: f64 = 0.2;

#[cfg(feature = "faults")]
type Faults = Option<Py<crate::faults::Faults>>;

/// `contract.Engine`, but for what `motia_fast.engine.native` adds.
#[pyclass(frozen, subclass, weakref, module = "motia_fast._core")]
pub(crate) struct Engine {
    opened: Opened,
    clock: Arc<Clock>,
    log: Arc<Log>,
    data_dir: Option<String>,
}

impl Engine {
    fn open(
        py: Python<'_>,
        settings: &Bound<'_, PyAny>,
        clock: Option<(i64, i64)>,
        wrap: &(dyn Fn(SqliteStore) -> Box<dyn Store> + Sync),
    ) -> PyResult<Self> {
        let clock = Arc::new(clock.map_or(Clock::System, |(now, elapsed)| Clock::manual(now, elapsed)));
        let settings = self::settings(settings, &clock)?;
        let data_dir = settings.data_dir.as_ref().map(|path| path.display().to_string());
        let log = Arc::new(Log::default());
        let opened = py.detach(|| open(settings, Arc::clone(&log), wrap)).map_err(|error| raise(py, error))?;
        Ok(Self { opened, clock, log, data_dir })
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Warning => "warning",
        Level::Critical => "critical",
    }
}

fn settings(value: &Bound<'_, PyAny>, clock: &Arc<Clock>) -> PyResult<Settings> {
    let size = |name: &str| -> PyResult<usize> { value.getattr(name)?.extract() };
    Ok(Settings {
        data_dir: value.getattr("data_dir")?.extract::<Option<PathBuf>>()?,
        durability: match value.getattr("durability")?.extract::<&str>()? {
            "sync" => Durability::Sync,
            "os" => Durability::Os,
            "memory" => Durability::Memory,
            other => return Err(PyValueError::new_err(format!("{other:?} is no class of durability"))),
        },
        lock_wait: value.getattr("lock_wait")?.extract()?,
        concurrency: size("concurrency")?,
        window_jobs: size("window_jobs")?,
        window_bytes: size("window_bytes")?,
        pending_operations: size("pending_operations")?,
        pending_bytes: size("pending_bytes")?,
        group_commits: size("group_commits")?,
        min_free_disk: value.getattr("min_free_disk")?.extract()?,
        max_payload: size("max_payload")?,
        max_value: size("max_value")?,
        state_cache_bytes: size("state_cache_bytes")?,
        parked_for: value.getattr("parked_for")?.extract()?,
        dead_for: value.getattr("dead_for")?.extract()?,
        max_crashes: value.getattr("max_crashes")?.extract()?,
        history: size("history")?,
        clock: Arc::clone(clock),
    })
}

#[pymethods]
impl Engine {
    /// *Cold.* Opens the data directory; `clock` has the two readings of one that moves by `set_clock` alone.
    #[cfg(not(feature = "faults"))]
    #[new]
    #[pyo3(signature = (settings, clock=None))]
    fn new(py: Python<'_>, settings: &Bound<'_, PyAny>, clock: Option<(i64, i64)>) -> PyResult<Self> {
        Self::open(py, settings, clock, &|store| Box::new(store))
    }

    /// As in production; `faults` commands the store that stands in front of the real one.
    #[cfg(feature = "faults")]
    #[new]
    #[pyo3(signature = (settings, clock=None, faults=None))]
    fn new(py: Python<'_>, settings: &Bound<'_, PyAny>, clock: Option<(i64, i64)>, faults: Faults) -> PyResult<Self> {
        let faults = faults.map(|faults| Arc::clone(&faults.get().faults));
        Self::open(py, settings, clock, &|store| crate::faults::wrap(store, faults.as_ref()))
    }

    #[getter]
    fn boot(&self) -> i64 {
        self.opened.parts.boot
    }

    #[getter]
    fn state(&self) -> State {
        State { parts: Arc::clone(&self.opened.parts) }
    }

    #[getter]
    fn schedules(&self) -> Schedules {
        Schedules { parts: Arc::clone(&self.opened.parts) }
    }

    #[getter]
    fn dead(&self) -> DeadLetters {
        DeadLetters { parts: Arc::clone(&self.opened.parts) }
    }

    #[getter]
    fn inspect(&self) -> Inspect {
        Inspect { parts: Arc::clone(&self.opened.parts) }
    }

    #[getter]
    fn failure<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let failure = self.opened.parts.failure().map(|error| exception(py, error));
        Ok(failure.transpose()?.map(|error| error.into_value(py).into_bound(py).into_any()))
    }

    /// *Cold.* Finishes the current group, and frees the directory.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.opened.close()).map_err(|error| raise(py, error))
    }

    /// *Cold.* Declares the whole set.
    fn register<'py>(&self, py: Python<'py>, subscriptions: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let subscriptions = take::subscriptions(subscriptions)?;
        let found = call_cold(py, &self.opened.parts, |parts| register::register(parts, subscriptions))?;
        give::registered(py, found)
    }

    /// Routes messages, and makes their jobs.
    fn enqueue<'py>(&self, py: Python<'py>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let messages = take::messages(messages)?;
        give::enqueued(py, call(py, &self.opened.parts, |parts| enqueue::enqueue(parts, &messages))?)
    }

    /// Takes ready jobs.
    fn claim<'py>(&self, py: Python<'py>, owner: &str, kind: &str, limit: i64) -> PyResult<Bound<'py, PyList>> {
        let (kind, limit) = (take::kind(kind)?, take::size(limit));
        give::jobs(py, call(py, &self.opened.parts, |parts| claim::claim(parts, owner, kind, limit))?)
    }

    /// Ends runs.
    fn settle<'py>(&self, py: Python<'py>, settlements: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let Batch { settlements, refused } = take::settlements(settlements)?;
        give::settled(py, call(py, &self.opened.parts, |parts| settle::settle(parts, settlements))?, refused)
    }

    /// Makes the jobs of an owner ready again.
    fn release(&self, py: Python<'_>, owner: &str) -> PyResult<usize> {
        call(py, &self.opened.parts, |parts| settle::release(parts, owner))
    }

    /// Settles a batch, claims the next, and tells what is overdue. One crossing per turn of the loop.
    fn turn<'py>(
        &self,
        py: Python<'py>,
        owner: &str,
        kind: &str,
        settlements: &Bound<'py, PyAny>,
        limit: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (kind, limit) = (take::kind(kind)?, take::size(limit));
        let Batch { settlements, refused } = take::settlements(settlements)?;
        let turn =
            call(py, &self.opened.parts, |parts| motia_core::engine::turn(parts, owner, kind, settlements, limit))?;
        let contract = contract(py)?;
        let jobs = give::jobs(py, turn.jobs)?;
        let fields = (give::settled(py, turn.settled, refused)?, jobs, give::notices(py, turn.overdue)?);
        contract.named(&contract.turn, fields.into_pyobject(py)?)
    }

    #[getter]
    fn committed(&self) -> i64 {
        self.opened.parts.committed()
    }

    #[getter]
    fn durable(&self) -> i64 {
        self.opened.parts.durable()
    }

    /// Blocks, without the GIL, until `durable` reaches `commit`; False after `timeout` seconds.
    #[pyo3(signature = (commit, timeout=None))]
    fn wait(&self, py: Python<'_>, commit: i64, timeout: Option<f64>) -> PyResult<bool> {
        let mut left = timeout.unwrap_or(f64::INFINITY);
        loop {
            let slice = left.min(SLICE);
            if call_cold(py, &self.opened.parts, |parts| parts.wait(commit, Some(slice)))? {
                return Ok(true);
            }
            left -= slice;
            if left <= 0.0 {
                return Ok(false);
            }
            py.check_signals()?;
        }
    }

    /// Asks for `wake_fd` to become readable when `durable` reaches `commit`.
    fn watch(&self, py: Python<'_>, commit: i64) -> PyResult<()> {
        call(py, &self.opened.parts, |parts| parts.watch(commit))
    }

    #[getter]
    fn wake_fd(&self) -> i32 {
        self.opened.parts.wake.fd()
    }

    /// Makes `wake_fd` unreadable.
    fn acknowledge(&self, py: Python<'_>) -> PyResult<()> {
        call(py, &self.opened.parts, |parts| {
            parts.require_open()?;
            parts.wake.acknowledge();
            Ok(())
        })
    }

    /// Does all that time does.
    fn tick(&self, py: Python<'_>) -> PyResult<()> {
        call(py, &self.opened.parts, tick::tick)
    }

    /// Seconds until `tick` has something to do.
    fn next_due(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        call(py, &self.opened.parts, tick::next_due)
    }

    /// Counters and gauges.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = call_cold(py, &self.opened.parts, stats::stats)?;
        give::stats(py, found, self.data_dir.clone(), self.opened.parts.boot)
    }

    /// Moves a clock that was given at the opening.
    fn set_clock(&self, now: i64, elapsed: i64) {
        self.clock.set(now, elapsed);
    }

    /// What the engine has to say since the last time, as (level, text).
    fn drain_log(&self) -> Vec<(&'static str, String)> {
        self.log.drain().map(|(level, text)| (name(level), text)).collect()
    }

    /// This process is a forked child: lets go of everything without touching it.
    fn forked(&self) {
        self.opened.forked();
    }
}
