//! Commands the store of an engine under test: its disk is slow or broken at will, and the process dies in it.

use std::sync::Arc;

use motia_core::store::faulty::{self, FaultyStore, Point};
use motia_core::store::{SqliteStore, Store};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What is to become of the groups that the committer brings to the disk.
#[pyclass(frozen, module = "motia_fast._core")]
pub(crate) struct Faults {
    pub(crate) faults: Arc<faulty::Faults>,
}

/// Stands faults in front of a store, where there are any.
pub(crate) fn wrap(store: SqliteStore, faults: Option<&Arc<faulty::Faults>>) -> Box<dyn Store> {
    match faults {
        Some(faults) => Box::new(FaultyStore::new(store, Arc::clone(faults))),
        None => Box::new(store),
    }
}

#[pymethods]
impl Faults {
    #[new]
    fn new() -> Self {
        Self { faults: Arc::default() }
    }

    /// Groups that were brought, without those that failed.
    #[getter]
    fn arrived(&self) -> u64 {
        self.faults.arrived()
    }

    /// Groups that are in the file.
    #[getter]
    fn groups(&self) -> u64 {
        self.faults.groups()
    }

    #[getter]
    fn is_held(&self) -> bool {
        self.faults.is_held()
    }

    /// From now on no group reaches the file.
    fn hold(&self) {
        self.faults.hold();
    }

    /// What was held up goes on.
    fn let_go(&self) {
        self.faults.let_go();
    }

    /// The next groups fail with these result codes of `SQLite`, one each.
    fn break_with(&self, codes: Vec<i32>) {
        self.faults.break_with(codes);
    }

    /// Kills this process at the nth passing of a point, after 50 ms in which it goes on but for its disk.
    fn kill_at(&self, point: &str, passings: u64) -> PyResult<()> {
        let known = Point::named(point).ok_or_else(|| PyValueError::new_err(format!("no such point: {point}")))?;
        self.faults.kill_at(known, passings);
        Ok(())
    }
}
