//! The rows of cron triggers.

use std::sync::Arc;

use motia_core::engine::contract::ScheduleRow;
use motia_core::engine::parts::Parts;
use motia_core::engine::schedule;
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::guard::call;
use crate::{give, take};

/// `contract.Schedules`.
#[pyclass(frozen, module = "motia_fast._core")]
pub(crate) struct Schedules {
    pub(crate) parts: Arc<Parts>,
}

#[pymethods]
impl Schedules {
    /// All rows, by subscription.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let rows = call(py, &self.parts, schedule::rows)?;
        let rows = rows.into_iter().map(|row| give::schedule_row(py, row));
        PyList::new(py, rows.collect::<PyResult<Vec<_>>>()?)
    }

    /// The row as it is; made, or reset where expression or zone differ.
    fn declare<'py>(
        &self,
        py: Python<'py>,
        subscription: String,
        expression: String,
        zone: String,
        last: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let last = time(&subscription, last)?;
        let row = ScheduleRow { subscription, expression, zone, last };
        give::schedule_row(py, call(py, &self.parts, |parts| schedule::declare(parts, row))?)
    }

    /// Sets the row's `last`; returns the commit.
    fn reset(&self, py: Python<'_>, subscription: &str, last: &Bound<'_, PyAny>) -> PyResult<i64> {
        let last = time(subscription, last)?;
        call(py, &self.parts, |parts| schedule::reset(parts, subscription, last))
    }

    /// Makes the tick's job and moves the row's `last`, in one commit.
    #[pyo3(signature = (subscription, at, meta=None))]
    fn fire<'py>(
        &self,
        py: Python<'py>,
        subscription: &str,
        at: &Bound<'py, PyAny>,
        meta: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let at = time(subscription, at)?;
        let meta = meta.map(take::bytes).transpose()?.unwrap_or_default();
        let fired = call(py, &self.parts, |parts| schedule::fire(parts, subscription, at, meta))?;
        fired.map(|enqueued| give::enqueued(py, enqueued)).transpose()
    }

    /// Its jobs that are neither finished nor dead.
    fn unfinished(&self, py: Python<'_>, subscription: &str) -> PyResult<i64> {
        call(py, &self.parts, |parts| schedule::unfinished(parts, subscription))
    }
}

/// A time that a column holds, or what the core says of one that it does not.
fn time(subscription: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    value.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            return PyValueError::new_err(format!(
                "{subscription}: a schedule's time is microseconds since 1970, not {value}"
            ));
        }
        error
    })
}
