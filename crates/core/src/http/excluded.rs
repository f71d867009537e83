//! URLs that are not traced.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::guard::{self, Swallow};
use crate::log;

/// A list of regular expressions (Python's) that are searched for in a request's URL. One that begins with `^/`, which
/// no URL does, is matched against the URL's path.
#[derive(Debug, Default)]
pub struct ExcludedUrls {
    /// All of the list as one alternative, as by the stock instrumentations: flags at its beginning hold for all of it,
    /// and back-references count through. If that is no expression, each one that is.
    url: Vec<Py<PyAny>>,
    /// Those that begin with `^/`, each for itself.
    path: Vec<Py<PyAny>>,
}

impl ExcludedUrls {
    /// Reads a comma-separated list. `source` says where it came from in the log line about a bad one.
    pub fn parse(py: Python<'_>, list: &str, source: &str) -> Self {
        if list.is_empty() {
            return Self::default();
        }
        let patterns: Vec<_> = list.split(',').map(str::trim).collect();
        let paths = patterns.iter().filter(|pattern| pattern.starts_with("^/"));
        let path = paths.filter_map(|pattern| compile(py, pattern, source, false)).collect();
        let url = match try_compile(py, &patterns.join("|"), false) {
            Ok(all) => vec![all],
            Err(error) if guard::pass_on(py, &error) => Vec::new(),
            Err(_) => {
                let given = patterns.iter().filter(|pattern| !pattern.is_empty());
                given.filter_map(|pattern| compile(py, pattern, source, false)).collect()
            }
        };
        Self { url, path }
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
        self.url.is_empty() && self.path.is_empty()
    }

    /// Whether the URL is excluded.
    pub fn matches(&self, url: &Bound<'_, PyAny>) -> bool {
        let py = url.py();
        if self.url.iter().any(|pattern| finds(pattern.bind(py), intern!(py, "search"), url)) {
            return true;
        }
        if self.path.is_empty() {
            return false;
        }
        let Some(text) = url.str().swallow(py) else { return false };
        let path = PyString::new(py, path_of(&text.to_string_lossy()));
        // An alternative in it that is not anchored has been searched for in the URL.
        self.path.iter().any(|pattern| finds(pattern.bind(py), intern!(py, "match"), &path))
    }
}

fn finds(pattern: &Bound<'_, PyAny>, method: &Bound<'_, PyString>, text: &Bound<'_, PyAny>) -> bool {
    pattern.call_method1(method, (text,)).swallow(text.py()).is_some_and(|found| !found.is_none())
}

/// The path in a URL, from the slash after the host to the query.
fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |start| &after_scheme[start..]);
    path.split('?').next().unwrap_or(path)
}

fn try_compile(py: Python<'_>, pattern: &str, ignore_case: bool) -> PyResult<Py<PyAny>> {
    let re = py.import("re")?;
    let compiled = match ignore_case {
        true => re.call_method1("compile", (pattern, re.getattr("IGNORECASE")?)),
        false => re.call_method1("compile", (pattern,)),
    };
    compiled.map(Bound::unbind)
}

/// Compiles a pattern with Python's `re`. A bad one is logged, and then there is none.
pub(super) fn compile(py: Python<'_>, pattern: &str, source: &str, ignore_case: bool) -> Option<Py<PyAny>> {
    match try_compile(py, pattern, ignore_case) {
        Ok(compiled) => Some(compiled),
        Err(error) if guard::pass_on(py, &error) => None,
        Err(error) => {
            let error = log::described(py, &error);
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
