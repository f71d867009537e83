//! How a wrapper is pickled: by reference, as functions are.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Wrapper;

/// What `__reduce__` of the wrapper returns.
///
/// Where the function's own name leads to the wrapper that is the name, and the pickle is the one that there would be
/// without us. A name that leads elsewhere the pickler refuses; then it is a call that looks a name up which leads to the
/// wrapper, or to the function: the reader may be a process without instrumentation, or one that has it.
pub(super) fn to<'py>(wrapper: &Bound<'py, Wrapper>) -> PyResult<Bound<'py, PyAny>> {
    let py = wrapper.py();
    let wrapped = wrapper.get().wrapped().bind(py);
    let place = wrapper.get().place();
    let qualified_name = wrapped.getattr("__qualname__")?;
    let Ok(name) = qualified_name.extract::<String>() else { return Ok(qualified_name) };
    let module = wrapped.getattr_opt("__module__")?.and_then(|module| module.extract::<String>().ok());
    let module = module.as_deref().unwrap_or_default();
    if look_up(py, module, &name)?.is_some_and(|found| found.is(wrapper)) {
        return Ok(qualified_name);
    }
    for (module, path) in [(place.module.unwrap_or_default(), place.path), (module, &name)] {
        if look_up(py, module, path)?.is_some_and(|found| found.is(wrapper) || found.is(wrapped)) {
            let resolve = py.import("pkgutil")?.getattr("resolve_name")?;
            return Ok((resolve, (format!("{module}:{path}"),)).into_pyobject(py)?.into_any());
        }
    }
    Ok(qualified_name)
}

/// What is at `path` of an imported module.
fn look_up<'py>(py: Python<'py>, module: &str, path: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    let mut found = modules.get_item(module)?;
    for name in path.split('.') {
        found = match found {
            Some(owner) => owner.getattr_opt(name)?,
            None => return Ok(None),
        };
    }
    Ok(found)
}
