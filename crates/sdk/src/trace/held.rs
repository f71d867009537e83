//! Parts of a native object that Python code holds, or has written, as objects of its own.

use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyDict;

/// The parts by their names. Nothing is allocated before the first.
#[derive(Default)]
pub struct Held(OnceLock<Py<PyDict>>);

impl Held {
    /// Whether nothing was ever held.
    pub fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }

    /// A part, if it is held.
    pub fn get<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyAny>> {
        self.0.get()?.bind(py).get_item(name).ok().flatten()
    }

    /// Holds a part, in place of what was held before.
    ///
    /// # Errors
    ///
    /// `MemoryError`, and what the finalizer of what was held raises.
    pub fn set(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.parts(py)?.set_item(name, value)
    }

    /// Holds a part unless it is held already, and gives what is held.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub fn keep<'py>(&self, py: Python<'py>, name: &str, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.parts(py)?.call_method1("setdefault", (name, value))
    }

    /// Lets go of a part.
    pub fn remove(&self, py: Python<'_>, name: &str) {
        if let Some(parts) = self.0.get() {
            // It may be gone already.
            let _ = parts.bind(py).del_item(name);
        }
    }

    /// All of them.
    pub fn parts_now<'py>(&self, py: Python<'py>) -> Vec<(String, Bound<'py, PyAny>)> {
        let Some(parts) = self.0.get() else { return Vec::new() };
        parts.bind(py).iter().filter_map(|(name, value)| Some((name.extract().ok()?, value))).collect()
    }

    /// For the garbage collector. A cycle is broken by the dictionary, which it clears.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.0.get())
    }

    fn parts<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyDict>> {
        if self.0.get().is_none() {
            // Made first and set then: of two threads, the first one's dictionary is used by both.
            let _ = self.0.set(PyDict::new(py).unbind());
        }
        let parts = self.0.get().ok_or_else(|| PyRuntimeError::new_err("a part of a span was not kept"))?;
        Ok(parts.bind(py))
    }
}
