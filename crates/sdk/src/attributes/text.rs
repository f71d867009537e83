//! Python strings as text of the pipeline's own.

use otel_rs_core::guard::Swallow;
use otel_rs_core::log;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Longest text that is copied, in characters: no collector takes as much.
pub const MAX_CHARACTERS: usize = 16 * 1024 * 1024;

/// The text of a Python string, lossily where it holds surrogates. One of more than 16 Mi characters is cut, and what the
/// system has no memory for is empty; both are logged once.
pub fn text(text: &Bound<'_, PyString>) -> String {
    let py = text.py();
    // SAFETY: the thread is attached and the object is a string.
    let length = unsafe { ffi::PyUnicode_GetLength(text.as_ptr()) };
    let cut = if usize::try_from(length).unwrap_or(0) > MAX_CHARACTERS { beginning(text) } else { None };
    let text = cut.as_ref().unwrap_or(text);
    let Ok(utf8) = text.to_str() else { return text.to_string_lossy().into_owned() };
    let mut copy = String::new();
    if copy.try_reserve_exact(utf8.len()).is_ok() {
        copy.push_str(utf8);
    } else {
        let message = format!("A text of {} bytes was dropped: there is no memory for a copy", utf8.len());
        log::warning_once(py, "memory", &message);
    }
    copy
}

fn beginning<'py>(text: &Bound<'py, PyString>) -> Option<Bound<'py, PyString>> {
    let py = text.py();
    let message = format!(
        "A text of more than {MAX_CHARACTERS} characters was cut to that; OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT sets a \
         limit of your own"
    );
    log::warning_once(py, "text length", &message);
    let end = ffi::Py_ssize_t::try_from(MAX_CHARACTERS).ok()?;
    // SAFETY: the thread is attached, the object is a string, and a new reference or null with an exception comes back.
    let cut = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_Substring(text.as_ptr(), 0, end)) };
    cut.swallow(py)?.cast_into().ok()
}

/// The text of anything, through its `str`; empty if that fails.
pub fn display(value: &Bound<'_, PyAny>) -> String {
    // A string shows as it is; a subclass may show something else.
    match value.cast_exact::<PyString>() {
        Ok(value) => text(value),
        Err(_) => value.str().swallow(value.py()).map(|value| text(&value)).unwrap_or_default(),
    }
}
