//! A panic in the core stops its engine for good, and never the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use motia_core::engine::parts::Parts;
use motia_core::error::{Error, Result};
use pyo3::prelude::*;

use crate::errors::raise;

/// Calls a verb that answers from memory, with the GIL held: it takes microseconds.
pub(crate) fn call<T>(py: Python<'_>, parts: &Parts, verb: impl FnOnce(&Parts) -> Result<T>) -> PyResult<T> {
    guarded(parts, verb).map_err(|error| raise(py, error))
}

/// Calls a verb that may wait, or look at the disk, without the GIL.
pub(crate) fn call_cold<T: Send>(
    py: Python<'_>,
    parts: &Parts,
    verb: impl FnOnce(&Parts) -> Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| guarded(parts, verb)).map_err(|error| raise(py, error))
}

fn guarded<T>(parts: &Parts, verb: impl FnOnce(&Parts) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| verb(parts))).unwrap_or_else(|panic| Err(poisoned(parts, panic.as_ref())))
}

/// What the verb left half done nobody sees any more: every later call is refused, and a restart finds what the file has.
fn poisoned(parts: &Parts, panic: &(dyn std::any::Any + Send)) -> Error {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    parts.fail(&format!("a mistake in motia_fast, please report it: {}", said.unwrap_or("a panic")))
}
