//! `motia_fast._core`: the engine of `motia-core` for Python. It converts, releases the GIL around waits, and raises.

/// The extension module; `motia_fast/_core.pyi` has its types.
#[pyo3::pymodule]
mod _core {}
