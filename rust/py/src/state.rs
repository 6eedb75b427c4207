//! The state verbs.

use std::sync::Arc;

use motia_core::engine::parts::Parts;
use motia_core::engine::state::{self, Warm};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::contract::contract;
use crate::guard::{call, call_cold};
use crate::{give, take};

/// `contract.State`.
#[pyclass(frozen, module = "motia_fast._core")]
pub(crate) struct State {
    pub(crate) parts: Arc<Parts>,
}

#[pymethods]
impl State {
    /// The item, or None; `COLD` where only the disk knows.
    fn get<'py>(&self, py: Python<'py>, group: &str, key: &str) -> PyResult<Bound<'py, PyAny>> {
        match call(py, &self.parts, |parts| state::get(parts, group, key))? {
            Warm::Cold => Ok(contract(py)?.cold.bind(py).clone()),
            Warm::Answer(None) => Ok(py.None().into_bound(py)),
            Warm::Answer(Some(item)) => give::state_item(py, &item),
        }
    }

    /// Makes all changes in one commit, or none of them.
    fn write<'py>(&self, py: Python<'py>, writes: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let writes = take::state_writes(writes)?;
        match call(py, &self.parts, |parts| state::write(parts, &writes))? {
            Warm::Cold => Ok(contract(py)?.cold.bind(py).clone()),
            Warm::Answer((commit, changes)) => give::state_written(py, commit, changes),
        }
    }

    /// *Cold.* Reads keys into memory.
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 makes the list for this call")]
    fn load(&self, py: Python<'_>, keys: Vec<(String, String)>) -> PyResult<()> {
        let keys: Vec<_> = keys.iter().map(|(group, key)| (group.as_str(), key.as_str())).collect();
        call_cold(py, &self.parts, |parts| state::load(parts, &keys))
    }

    /// *Cold.* The items of a group.
    #[pyo3(signature = (group, limit=None, after=None))]
    fn items<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        limit: Option<i64>,
        after: Option<&str>,
    ) -> PyResult<Bound<'py, PyList>> {
        let limit = limit.map(take::size);
        let items = call_cold(py, &self.parts, |parts| state::items(parts, group, limit, after))?;
        let items = items.into_iter().map(|item| give::state_item(py, &item));
        PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)
    }

    /// *Cold.* The groups that have items, with their number.
    fn groups(&self, py: Python<'_>) -> PyResult<Vec<(String, usize)>> {
        let groups = call_cold(py, &self.parts, state::groups)?;
        Ok(groups.into_iter().map(|(name, count)| (name.to_string(), count)).collect())
    }

    /// *Cold.* Deletes a whole group.
    fn clear(&self, py: Python<'_>, group: &str) -> PyResult<(i64, usize)> {
        call_cold(py, &self.parts, |parts| state::clear(parts, group))
    }
}
