//! An object that passes for another one, but for one attribute.

use crate::once;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use crate::guard::guarded;

/// What a method can be given as `self` so that it finds another value in one attribute, while nothing changes for
/// anyone else. The methods that it calls on itself find it too; every other attribute is read, written and deleted on
/// the object itself.
#[guarded]
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

#[guarded]
#[pymethods]
impl StandIn {
    fn __getattribute__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        static METHOD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let (py, this) = (slf.py(), slf.get());
        if *name == *this.name {
            return Ok(this.value.bind(py).clone());
        }
        let value = this.object.bind(py).getattr(name)?;
        let method = once::import(&METHOD, py, "types", "MethodType")?;
        if value.get_type().is(method) && value.getattr(intern!(py, "__self__"))?.is(&this.object) {
            return method.call1((value.getattr(intern!(py, "__func__"))?, slf));
        }
        Ok(value)
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
