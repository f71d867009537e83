//! Values that are made by Python code, once.
//!
//! The initialiser of a [`PyOnceLock`] must not run Python: a signal handler, a finalizer or another greenlet that runs
//! meanwhile on the same thread and needs the value too would wait for itself. Here the value is made first and set then;
//! of several that were made at a time one is kept.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What is in the cell, or what `compute` makes.
///
/// # Errors
///
/// Those of `compute`; the cell stays empty then.
pub fn get_or_compute<'a, T>(
    cell: &'a PyOnceLock<T>,
    py: Python<'_>,
    compute: impl FnOnce() -> PyResult<T>,
) -> PyResult<&'a T> {
    if let Some(value) = cell.get(py) {
        return Ok(value);
    }
    let value = compute()?;
    Ok(cell.get_or_init(py, || value))
}

/// The attribute `name` of a module, imported where the cell is empty.
///
/// # Errors
///
/// What the import and the look-up raise.
pub fn import<'a, 'py>(
    cell: &'a PyOnceLock<Py<PyAny>>,
    py: Python<'py>,
    module: &str,
    name: &str,
) -> PyResult<&'a Bound<'py, PyAny>> {
    Ok(get_or_compute(cell, py, || Ok(py.import(module)?.getattr(name)?.unbind()))?.bind(py))
}
