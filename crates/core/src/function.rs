//! What Python functions are called.

use crate::once;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The qualified name of a function; of the function in a `functools.partial`, and of the class of what has no name.
///
/// # Errors
///
/// What the object raises when it is looked at.
pub fn qualified_name(function: &Bound<'_, PyAny>) -> PyResult<String> {
    static PARTIAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = function.py();
    let partial = once::import(&PARTIAL, py, "functools", "partial")?;
    let mut function = function.clone();
    while function.is_instance(partial)? {
        function = function.getattr(intern!(py, "func"))?;
    }
    let name = function.getattr(intern!(py, "__qualname__")).and_then(|name| name.extract::<String>());
    match name {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            Ok(function.get_type().qualname()?.to_string_lossy().into_owned())
        }
        name => name,
    }
}
