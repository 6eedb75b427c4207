//! The classes of `motia_fast.contract` and `motia_fast.errors`, found once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

macro_rules! classes {
    ($($field:ident: $name:literal),+ $(,)?) => {
        /// The values that cross.
        pub(crate) struct Contract {
            $(pub(crate) $field: Py<PyType>,)+
            pub(crate) cold: Py<PyAny>,
            new_tuple: Py<PyAny>,
        }

        impl Contract {
            fn find(py: Python<'_>) -> PyResult<Self> {
                let module = py.import("motia_fast.contract")?;
                let class = |name: &str| -> PyResult<Py<PyType>> {
                    Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind())
                };
                Ok(Self {
                    $($field: class($name)?,)+
                    cold: module.getattr("COLD")?.unbind(),
                    new_tuple: py.get_type::<PyTuple>().getattr("__new__")?.unbind(),
                })
            }
        }
    };
}

classes! {
    attempt: "Attempt",
    died: "Died",
    done: "Done",
    enqueued: "Enqueued",
    failed: "Failed",
    failure: "Failure",
    finished: "Finished",
    histogram: "Histogram",
    job: "Job",
    job_view: "JobView",
    lease: "Lease",
    message: "Message",
    notice: "Notice",
    parked_view: "ParkedView",
    receipt: "Receipt",
    refusal: "Refusal",
    registered: "Registered",
    released: "Released",
    retried: "Retried",
    schedule_row: "ScheduleRow",
    settled: "Settled",
    skipped: "Skipped",
    snoozed: "Snoozed",
    state_change: "StateChange",
    state_item: "StateItem",
    state_written: "StateWritten",
    stats: "Stats",
    subscription_stats: "SubscriptionStats",
    turn: "Turn",
}

static CONTRACT: PyOnceLock<Contract> = PyOnceLock::new();

/// The classes; `motia_fast.contract` is imported by whoever calls an engine's verb first.
pub(crate) fn contract(py: Python<'_>) -> PyResult<&'static Contract> {
    CONTRACT.get_or_try_init(py, || Contract::find(py))
}

impl Contract {
    /// A named tuple, made without its `__new__`, which is Python code: 0.1 µs instead of 0.3.
    pub(crate) fn named<'py>(&self, class: &Py<PyType>, fields: Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = fields.py();
        self.new_tuple.bind(py).call1((class.bind(py), fields))
    }
}
