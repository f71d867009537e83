//! Hooks of the user's.

use pyo3::call::PyCallArgs;
use pyo3::prelude::*;

use crate::log::{self, Level};

/// Calls a hook of the user's. An exception it raises is logged once per hook and goes no further, so that it never
/// reaches the client; one that is not an `Exception` (`SystemExit`, `KeyboardInterrupt`, `GeneratorExit`) passes.
///
/// # Errors
///
/// Such a `BaseException`.
pub fn call_hook<'py>(hook: &Bound<'py, PyAny>, name: &str, args: impl PyCallArgs<'py>) -> PyResult<()> {
    let py = hook.py();
    match hook.call1(args) {
        Ok(_) => Ok(()),
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyException>(py) => {
            log::raised_once(py, Level::Error, name, &error, &format!("the {name} raised, the request goes on"));
            Ok(())
        }
        Err(error) => Err(error),
    }
}
