//! Environment variables of our own.

use pyo3::prelude::*;

use crate::log;

/// Whether a variable is `true`. Anything but `true`, `false` and nothing is named in one log line.
pub fn switched_on(py: Python<'_>, variable: &'static str) -> bool {
    let value = std::env::var_os(variable).unwrap_or_default();
    let value = value.to_string_lossy();
    let value = value.trim();
    if !["", "true", "false"].iter().any(|known| value.eq_ignore_ascii_case(known)) {
        log::warning_once(py, variable, &format!("{variable} is '{value}': expected true or false; false is used"));
    }
    value.eq_ignore_ascii_case("true")
}
