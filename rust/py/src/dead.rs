//! Jobs that gave up. Every verb is cold.

use std::sync::Arc;

use motia_core::engine::contract::JobFilter;
use motia_core::engine::dead;
use motia_core::engine::parts::Parts;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::guard::call_cold;
use crate::{give, take};

/// `contract.DeadLetters`.
#[pyclass(frozen, module = "motia_fast._core")]
pub(crate) struct DeadLetters {
    pub(crate) parts: Arc<Parts>,
}

#[pymethods]
impl DeadLetters {
    /// Dead letters with id above `after`, by id, each with its attempts.
    #[pyo3(signature = (which=None, limit=100, after=0))]
    fn list<'py>(
        &self,
        py: Python<'py>,
        which: Option<&Bound<'py, PyAny>>,
        limit: i64,
        after: i64,
    ) -> PyResult<Bound<'py, PyList>> {
        let (which, limit) = (take::job_filter(which)?, take::size(limit));
        let found = call_cold(py, &self.parts, |parts| dead::list(parts, &which, limit, after))?;
        give::job_views(py, found)
    }

    /// One dead letter, or None.
    fn get<'py>(&self, py: Python<'py>, job: i64) -> PyResult<Option<Bound<'py, PyAny>>> {
        let which = JobFilter { ids: Some(vec![job]), ..JobFilter::default() };
        let mut found = call_cold(py, &self.parts, |parts| dead::list(parts, &which, 1, 0))?;
        found.pop().map(|view| give::job_view(py, &view)).transpose()
    }

    /// Makes dead letters ready again; returns (commit, number).
    #[pyo3(signature = (which, payload=None))]
    fn retry(
        &self,
        py: Python<'_>,
        which: &Bound<'_, PyAny>,
        payload: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(i64, usize)> {
        let which = take::job_filter(Some(which))?;
        let payload = payload.map(take::bytes).transpose()?;
        call_cold(py, &self.parts, |parts| dead::retry(parts, &which, payload.as_ref()))
    }

    /// Forgets dead letters; returns (commit, number).
    fn purge(&self, py: Python<'_>, which: &Bound<'_, PyAny>) -> PyResult<(i64, usize)> {
        let which = take::job_filter(Some(which))?;
        call_cold(py, &self.parts, |parts| dead::purge(parts, &which))
    }
}
