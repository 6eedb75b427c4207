//! The one place where an error of the core becomes an exception of `motia_fast/errors.py`.

use motia_core::error::Error;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The exception of an error.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    exception(py, error).unwrap_or_else(|failed| failed)
}

/// The same, for what is returned and not raised.
pub(crate) fn exception(py: Python<'_>, error: Error) -> PyResult<PyErr> {
    let text = error.to_string();
    let instance = match error {
        Error::VersionConflict { group, key, expected, found } => {
            class(py, "VersionConflict")?.call1((group, key, expected, found))
        }
        Error::DataDirLocked { path, holder } => class(py, "DataDirLocked")?.call1((path, parsed(py, &holder)?)),
        Error::FormatTooNew { path, found, supported } => class(py, "FormatTooNew")?.call1((path, found, supported)),
        Error::NotJson(text) => py.import("json")?.getattr("JSONDecodeError")?.call1((text, "", 0)),
        Error::Value(text) => return Ok(PyValueError::new_err(text)),
        other => class(py, name(&other))?.call1((text,)),
    }?;
    Ok(PyErr::from_value(instance))
}

fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("motia_fast.errors")?.getattr(name)
}

fn name(error: &Error) -> &'static str {
    match error {
        Error::Closed(_) => "EngineClosed",
        Error::Forked => "EngineForked",
        Error::Stopped(_) => "EngineStopped",
        Error::PendingFull(_) => "PendingFull",
        Error::DiskLow(_) => "DiskLow",
        Error::LeaseLost(_) => "LeaseLost",
        Error::UnknownSubscription(_) => "UnknownSubscription",
        Error::PayloadTooLarge(_) => "PayloadTooLarge",
        Error::UpdateRefused(_) => "UpdateRefused",
        Error::Condition(_) => "ConditionError",
        Error::DataDirUnusable(_) => "DataDirUnusable",
        Error::StoreCorrupt(_) => "StoreCorrupt",
        _ => "EngineError",
    }
}

/// What a lock file says of its holder; nothing if it is no JSON object.
fn parsed<'py>(py: Python<'py>, holder: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let empty = || Ok(pyo3::types::PyDict::new(py).into_any());
    match py.import("json")?.call_method1("loads", (PyBytes::new(py, holder),)) {
        Ok(found) if found.is_instance_of::<pyo3::types::PyDict>() => Ok(found),
        _ => empty(),
    }
}
