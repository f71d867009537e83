//! Namespaces of modules, read without running Python code.
//!
//! Asking a module for an attribute may import it (`importlib.util.LazyLoader`, and every other class of modules that
//! loads with the first use), and what is in `sys.modules` need not be a module at all. So only real modules are looked
//! into, and in their dictionary, which is there without asking.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyModule, PyString, PyType};

/// What a module holds; nothing if the object is no module.
pub(crate) fn of<'py>(module: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    module.cast::<PyModule>().ok().map(PyModuleMethods::dict)
}

/// `sys.modules`
///
/// # Errors
///
/// `TypeError` if it is no `dict`.
pub(crate) fn loaded(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    Ok(py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?)
}

/// Replaces a function in every module that holds it as a global, under whatever name but the `kept` one, except in a
/// spared package.
///
/// # Errors
///
/// What the last module raised that did not take it; the others have.
pub(super) fn replace_globals(
    old: &Bound<'_, PyAny>,
    new: &Bound<'_, PyAny>,
    kept: Option<&str>,
    spared: Option<&str>,
) -> PyResult<()> {
    let mut result = Ok(());
    // Copies, as other threads may run in between.
    for (name, module) in
        loaded(old.py())?.items().iter().filter_map(|item| item.extract::<(Bound<'_, PyAny>, _)>().ok())
    {
        if spared.is_some_and(|package| is_in(package, &name)) {
            continue;
        }
        let Some(namespace) = of(&module) else { continue };
        for name in names_of(&namespace, old) {
            if kept.is_none_or(|kept| name.to_string_lossy() != kept) {
                result = namespace.set_item(name, new).and(result);
            }
        }
    }
    result
}

/// Under which names a namespace holds an object. Keys of classes of their own, which compare as they like, are left out.
fn names_of<'py>(namespace: &Bound<'py, PyDict>, held: &Bound<'py, PyAny>) -> Vec<Bound<'py, PyString>> {
    let entries = namespace.iter().filter(|(_, value)| value.is(held));
    entries.filter_map(|(name, _)| name.cast_into_exact::<PyString>().ok()).collect()
}

/// Whether a module is `package` or in it.
fn is_in(package: &str, module: &Bound<'_, PyAny>) -> bool {
    let Ok(module) = module.cast::<PyString>() else { return false };
    let module = module.to_string_lossy();
    module.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What `owner` itself holds under `name`, without running descriptors. Nothing if it is neither a module nor a class.
///
/// # Errors
///
/// What a metaclass raises that has a namespace of its own.
pub(super) fn own<'py>(owner: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(namespace) = of(owner) {
        return namespace.get_item(name);
    }
    if owner.cast::<PyType>().is_err() {
        return Ok(None);
    }
    let namespace = owner.getattr("__dict__")?;
    // A class shows its namespace as a mappingproxy.
    let value = namespace.call_method1("get", (name, &namespace))?;
    Ok((!value.is(&namespace)).then_some(value))
}
