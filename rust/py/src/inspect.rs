//! Snapshots for people. Every verb is cold.

use std::sync::Arc;

use motia_core::engine::inspect;
use motia_core::engine::parts::Parts;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::guard::call_cold;
use crate::{give, take};

/// `contract.Inspect`.
#[pyclass(frozen, module = "motia_fast._core")]
pub(crate) struct Inspect {
    pub(crate) parts: Arc<Parts>,
}

#[pymethods]
impl Inspect {
    /// Unfinished jobs, dead ones among them, with id above `after`, by id.
    #[pyo3(signature = (which=None, limit=100, after=0))]
    fn jobs<'py>(
        &self,
        py: Python<'py>,
        which: Option<&Bound<'py, PyAny>>,
        limit: i64,
        after: i64,
    ) -> PyResult<Bound<'py, PyList>> {
        let (which, limit) = (take::job_filter(which)?, take::size(limit));
        let found = call_cold(py, &self.parts, |parts| inspect::jobs(parts, &which, limit, after))?;
        give::job_views(py, found)
    }

    /// One unfinished job with its attempts, or None.
    fn job<'py>(&self, py: Python<'py>, job: i64) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = call_cold(py, &self.parts, |parts| inspect::job(parts, job))?;
        found.map(|view| give::job_view(py, &view)).transpose()
    }

    /// Parked messages with id above `after`, by id.
    #[pyo3(signature = (limit=100, after=0))]
    fn parked<'py>(&self, py: Python<'py>, limit: i64, after: i64) -> PyResult<Bound<'py, PyList>> {
        let found = call_cold(py, &self.parts, |parts| inspect::parked(parts, take::size(limit), after))?;
        let found = found.into_iter().map(|parked| give::parked(py, parked));
        PyList::new(py, found.collect::<PyResult<Vec<_>>>()?)
    }

    /// The last finished jobs, oldest first.
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let history = call_cold(py, &self.parts, inspect::history)?;
        let history = history.into_iter().map(|finished| give::finished(py, &finished));
        PyList::new(py, history.collect::<PyResult<Vec<_>>>()?)
    }
}
