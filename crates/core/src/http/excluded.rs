//! URLs that are not traced.

use pyo3::intern;
use pyo3::prelude::*;

use crate::log;

/// A list of regular expressions (Python's) that are searched for in a request's URL.
#[derive(Debug, Default)]
pub struct ExcludedUrls(Option<Py<PyAny>>);

impl ExcludedUrls {
    /// Reads a comma-separated list. `source` says where it came from in the log line about a bad one.
    pub fn parse(py: Python<'_>, list: &str, source: &str) -> Self {
        if list.is_empty() {
            return Self(None);
        }
        let pattern = list.split(',').map(str::trim).collect::<Vec<_>>().join("|");
        Self(compile(py, &pattern, source, false))
    }

    /// Reads `OTEL_PYTHON_<library>_EXCLUDED_URLS`, or else `OTEL_PYTHON_EXCLUDED_URLS`.
    pub fn from_environment(py: Python<'_>, library: &str) -> Self {
        let own = format!("OTEL_PYTHON_{library}_EXCLUDED_URLS");
        let general = "OTEL_PYTHON_EXCLUDED_URLS";
        match std::env::var(&own) {
            Ok(list) => Self::parse(py, &list, &own),
            Err(_) => Self::parse(py, &std::env::var(general).unwrap_or_default(), general),
        }
    }

    /// Whether nothing is excluded, so that the URL need not be made.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the URL is excluded.
    pub fn matches(&self, url: &Bound<'_, PyAny>) -> bool {
        let py = url.py();
        let Some(pattern) = &self.0 else { return false };
        pattern.bind(py).call_method1(intern!(py, "search"), (url,)).is_ok_and(|found| !found.is_none())
    }
}

/// Compiles a pattern with Python's `re`. A bad one is logged, and then there is none.
pub(super) fn compile(py: Python<'_>, pattern: &str, source: &str, ignore_case: bool) -> Option<Py<PyAny>> {
    let compiled = py.import("re").and_then(|re| match ignore_case {
        true => re.call_method1("compile", (pattern, re.getattr("IGNORECASE")?)),
        false => re.call_method1("compile", (pattern,)),
    });
    match compiled {
        Ok(compiled) => Some(compiled.unbind()),
        Err(error) => {
            log::warning_once(
                py,
                source,
                &format!(
                    "{source} is '{}': expected a comma-separated list of Python regular expressions ({error}); it is \
                     ignored",
                    pattern.replace('|', ",")
                ),
            );
            None
        }
    }
}
