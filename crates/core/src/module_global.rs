//! A setting of the API that stands in a module's namespace behind a public getter.
//!
//! Calling the getter means entering the interpreter's loop from native code and leaving it again, which disturbs the
//! processor more than it costs instructions. So the namespace is looked into where a probe finds the getter's value
//! there, and the getter is called where it does not.

use crate::once;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

/// One such setting. Declared as a `static`.
pub(crate) struct ModuleGlobal {
    module: &'static str,
    getter: &'static str,
    /// The name behind the getter.
    name: &'static str,
    place: PyOnceLock<Place>,
}

enum Place {
    Namespace(Py<PyDict>, Py<PyString>),
    Getter(Py<PyAny>),
}

impl ModuleGlobal {
    /// The value that `module.getter()` returns, expected under `module.name`.
    pub(crate) const fn new(module: &'static str, getter: &'static str, name: &'static str) -> Self {
        Self { module, getter, name, place: PyOnceLock::new() }
    }

    /// The value now.
    ///
    /// # Errors
    ///
    /// What importing the module or calling the getter raises.
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match once::get_or_compute(&self.place, py, || self.probe(py))? {
            Place::Getter(getter) => getter.bind(py).call0(),
            Place::Namespace(namespace, name) => {
                Ok(namespace.bind(py).get_item(name)?.unwrap_or_else(|| py.None().into_bound(py)))
            }
        }
    }

    fn probe(&self, py: Python<'_>) -> PyResult<Place> {
        let module = py.import(self.module)?;
        let getter = module.getattr(self.getter)?;
        let namespace = module.dict();
        let name = PyString::intern(py, self.name);
        match namespace.get_item(&name)? {
            Some(value) if value.is(&getter.call0()?) => Ok(Place::Namespace(namespace.unbind(), name.unbind())),
            _ => Ok(Place::Getter(getter.unbind())),
        }
    }
}
