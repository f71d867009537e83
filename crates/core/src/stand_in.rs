//! An object that passes for another one, but for one attribute.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// What a method can be given as `self` so that it finds another value in one attribute, while nothing changes for
/// anyone else. Every other attribute is read, written and deleted on the object itself.
#[pyclass(frozen, module = "otel_rs")]
pub struct StandIn {
    object: Py<PyAny>,
    name: &'static str,
    value: Py<PyAny>,
}

impl StandIn {
    /// A stand-in for `object` whose attribute `name` is `value`.
    ///
    /// # Errors
    ///
    /// What making the object raises.
    pub fn of<'py>(object: &Bound<'py, PyAny>, name: &'static str, value: Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let stand_in = Self { object: object.clone().unbind(), name, value };
        Ok(Bound::new(object.py(), stand_in)?.into_any())
    }
}

#[pymethods]
impl StandIn {
    fn __getattribute__<'py>(&self, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let py = name.py();
        if *name == *self.name {
            return Ok(self.value.bind(py).clone());
        }
        self.object.bind(py).getattr(name)
    }

    fn __setattr__(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.object.bind(name.py()).setattr(name, value)
    }

    fn __delattr__(&self, name: &Bound<'_, PyString>) -> PyResult<()> {
        self.object.bind(name.py()).delattr(name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)?;
        visit.call(&self.value)
    }
}
