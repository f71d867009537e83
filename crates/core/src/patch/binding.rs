//! What becomes of a patched function that is an attribute of a class.

use crate::once;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// How an object binds to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// As a Python function: a method of the instance, and itself on the class.
    Function,
    /// By a `__get__` of its own, as other libraries' wrappers, which want to know the instance.
    OfItsOwn,
    /// Not at all, as functions written in C and classes.
    Never,
}

impl Binding {
    /// How `object` does.
    pub(super) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = object.py();
        let class = object.get_type();
        if class.is(once::import(&FUNCTION, py, "types", "FunctionType")?) {
            return Ok(Self::Function);
        }
        match class.hasattr(intern!(py, "__get__"))? {
            true => Ok(Self::OfItsOwn),
            false => Ok(Self::Never),
        }
    }
}

/// What `object` is bound to by a `__get__` of its own; a hook sees it as the first argument.
pub(super) fn receiver<'py>(
    object: &Bound<'py, PyAny>,
    instance: Option<&Bound<'py, PyAny>>,
    owner: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let builtins = object.py().import("builtins")?;
    // A wrapper around one of these says to be one.
    if object.is_instance(&builtins.getattr("staticmethod")?)? {
        return Ok(None);
    }
    if object.is_instance(&builtins.getattr("classmethod")?)? {
        let class = instance.map(|instance| instance.get_type().into_any());
        return Ok(owner.cloned().or(class));
    }
    Ok(instance.cloned())
}
