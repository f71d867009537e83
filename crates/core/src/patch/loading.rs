//! Modules that are there and load with their first use (`importlib.util.LazyLoader`).

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::{PatchSet, namespace};
use crate::guard::{guard, guarded};

/// The specification of a module in `sys.modules` that has not been loaded yet.
///
/// # Errors
///
/// What looking into `sys.modules` raises.
pub(super) fn specification_of_unloaded<'py>(module: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(namespace) = namespace::of(module) else { return Ok(None) };
    // The class says that it is not loaded, and does so no more from the first use on.
    let util = namespace::loaded(module.py())?.get_item("importlib.util")?;
    let util = util.as_ref().and_then(namespace::of);
    let lazy_module = util.map(|util| util.get_item("_LazyModule")).transpose()?.flatten();
    match lazy_module.is_some_and(|class| module.get_type().is(&class)) {
        true => namespace.get_item("__spec__"),
        false => Ok(None),
    }
}

/// Has `set` told when the module of a specification has been loaded.
///
/// # Errors
///
/// What the specification raises.
pub(super) fn watch(spec: &Bound<'_, PyAny>, name: &'static str, set: &'static PatchSet) -> PyResult<()> {
    let loader = spec.getattr("loader")?.unbind();
    let watched = WatchedLoader { spec: spec.clone().unbind(), loader, name, set };
    spec.setattr("loader", Bound::new(spec.py(), watched)?)
}

/// A module's loader, which stands there until the module is loaded.
#[guarded]
#[pyclass(frozen, module = "otel_rs")]
struct WatchedLoader {
    spec: Py<PyAny>,
    loader: Py<PyAny>,
    name: &'static str,
    set: &'static PatchSet,
}

#[guarded]
#[pymethods]
impl WatchedLoader {
    fn exec_module<'py>(&self, module: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = module.py();
        self.spec.bind(py).setattr("loader", &self.loader)?;
        let done = self.loader.bind(py).call_method1("exec_module", (module,))?;
        guard("the end of a lazy import", || self.set.has_loaded(py, self.name));
        Ok(done)
    }

    fn __getattr__<'py>(&self, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.loader.bind(name.py()).getattr(name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.spec)?;
        visit.call(&self.loader)
    }
}
