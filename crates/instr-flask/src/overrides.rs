//! Methods that subclasses of Flask have in place of the wrapped ones.

use otel_rs_core::patch::Overrides;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::{HANDLED, flask, hooks};

static OVERRIDES: Overrides = Overrides::new(&[
    ("__call__", hooks::call_overridden),
    ("wsgi_app", hooks::wsgi_app_overridden),
    ("full_dispatch_request", hooks::full_dispatch_request),
    ("preprocess_request", hooks::preprocess_request),
    ("do_teardown_request", hooks::do_teardown_request),
]);

/// Those of the methods that are wrapped where handled exceptions are recorded.
static HANDLING: Overrides = Overrides::new(&[
    ("dispatch_request", hooks::dispatch_request),
    ("handle_user_exception", hooks::handle_user_exception),
]);

/// Wraps what a class of applications has of its own.
pub(crate) fn cover(class: &Bound<'_, PyType>) -> PyResult<()> {
    if let Some(base) = flask::class(class.py())? {
        OVERRIDES.cover(class, &base);
        if HANDLED.is_installed() {
            HANDLING.cover(class, &base);
        }
    }
    Ok(())
}

/// Wraps what the classes of applications have that are there by now.
pub(crate) fn cover_all(py: Python<'_>) -> PyResult<()> {
    if let Some(base) = flask::class(py)? {
        OVERRIDES.cover_all(&base)?;
        if HANDLED.is_installed() {
            HANDLING.cover_all(&base)?;
        }
    }
    Ok(())
}

/// Restores all of them.
pub(crate) fn remove(py: Python<'_>) {
    HANDLING.remove(py);
    OVERRIDES.remove(py);
}
