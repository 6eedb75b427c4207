//! `motia_fast._core`: the engine of `motia-core` for Python. It converts, releases the GIL around waits, and raises.

mod contract;
mod dead;
mod engine;
mod errors;
#[cfg(feature = "faults")]
mod faults;
mod give;
mod guard;
mod inspect;
mod job;
mod schedules;
mod state;
mod take;

/// The extension module; `motia_fast/_core.pyi` has its types.
#[pyo3::pymodule]
mod _core {
    #[pymodule_export]
    use super::dead::DeadLetters;
    #[pymodule_export]
    use super::engine::Engine;
    #[cfg(feature = "faults")]
    #[pymodule_export]
    use super::faults::Faults;
    #[pymodule_export]
    use super::inspect::Inspect;
    #[pymodule_export]
    use super::job::Job;
    #[pymodule_export]
    use super::schedules::Schedules;
    #[pymodule_export]
    use super::state::State;
    #[pymodule_export]
    use super::take::evaluate;
}
