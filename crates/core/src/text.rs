//! Python strings as UTF-8 without a copy.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::guard::Swallow;

/// The text of a Python `str`, kept alive with it.
///
/// A string that is not valid UTF-8 (it holds lone surrogates) is converted lossily into an owned copy.
#[derive(Debug)]
pub struct Text(Inner);

#[derive(Debug)]
enum Inner {
    Shared { ptr: *const u8, len: usize, _owner: Py<PyString> },
    Owned(String),
}

// SAFETY: the bytes belong to an immutable Python string that `_owner` keeps alive; reading them needs no interpreter.
unsafe impl Send for Text {}
// SAFETY: as above; nothing in it changes after construction.
unsafe impl Sync for Text {}

impl Text {
    /// Borrows a Python string.
    pub fn new(string: &Bound<'_, PyString>) -> Self {
        match string.to_str() {
            Ok(text) => Self(Inner::Shared { ptr: text.as_ptr(), len: text.len(), _owner: string.clone().unbind() }),
            Err(_) => Self(Inner::Owned(string.to_string_lossy().into_owned())),
        }
    }

    /// The text of `value` if it is a `str`, of `str(value)` if that is a string, else nothing. What its
    /// `__str__` raises that is no `Exception` goes on ([`crate::guard::pass_on`]).
    pub fn from_any(value: &Bound<'_, PyAny>) -> Option<Self> {
        match value.cast::<PyString>() {
            Ok(string) => Some(Self::new(string)),
            Err(_) => value.str().swallow(value.py()).map(|string| Self::new(&string)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // SAFETY: `to_str` returned these bytes as valid UTF-8, cached in the string object, which lives as long as
            // `_owner` and never moves or changes them.
            Inner::Shared { ptr, len, .. } => unsafe {
                std::str::from_utf8_unchecked(std::slice::from_raw_parts(*ptr, *len))
            },
            Inner::Owned(text) => text,
        }
    }
}
