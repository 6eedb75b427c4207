//! A claimed job, decoded when it is first touched.

use std::sync::Arc;

use motia_core::engine::contract::Claimed;
use motia_core::job::Record;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::contract::contract;
use crate::give::{failure, lease};

/// The fields of `contract.Job`.
#[pyclass(frozen, module = "motia_fast._core")]
pub(crate) struct Job {
    #[pyo3(get)]
    lease: Py<PyAny>,
    #[pyo3(get)]
    subscription: Py<PyString>,
    record: Arc<Record>,
}

impl Job {
    pub(crate) fn new(py: Python<'_>, claimed: Claimed, subscription: Py<PyString>) -> PyResult<Self> {
        Ok(Self { lease: lease(py, claimed.lease)?.unbind(), subscription, record: claimed.record })
    }
}

#[pymethods]
impl Job {
    #[getter]
    fn id(&self) -> i64 {
        self.record.id
    }

    #[getter]
    fn message_id(&self) -> i64 {
        self.record.message
    }

    /// 1 for the first run.
    #[getter]
    fn attempt(&self) -> u32 {
        self.record.attempt + 1
    }

    #[getter]
    fn crashes(&self) -> u32 {
        self.record.crashes
    }

    #[getter]
    fn priority(&self) -> u8 {
        self.record.priority
    }

    #[getter]
    fn enqueued(&self) -> i64 {
        self.record.enqueued
    }

    #[getter]
    fn last_error<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.record.error.as_deref().map(|error| failure(py, error)).transpose()
    }

    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.record.meta)
    }

    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.record.payload)
    }

    /// Copies and pickles are values of the contract.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let fields = (
            self.lease.bind(py),
            self.id(),
            self.message_id(),
            self.subscription.bind(py),
            self.attempt(),
            self.crashes(),
            self.priority(),
            self.enqueued(),
            self.last_error(py)?,
            self.meta(py),
            self.payload(py),
        );
        Ok((contract(py)?.job.bind(py).clone().into_any(), fields.into_pyobject(py)?.into_any()))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let subscription = self.subscription.bind(py).repr()?;
        Ok(format!("<Job {} of {subscription}, attempt {}>", self.record.id, self.attempt()))
    }
}
