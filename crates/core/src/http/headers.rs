//! Captured headers (`OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_*`), with their sensitive values redacted.

use otel_rs_abi::{KeyValue, Str, Value};
use otel_rs_semconv::http::{request_header_key, response_header_key};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::excluded::compile;
use crate::guard::Swallow;
use crate::trace::Span;

const REQUEST: &str = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST";
const RESPONSE: &str = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE";
const SANITIZE: &str = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS";
const REDACTED: &str = "[REDACTED]";

/// Which headers become attributes of the server span.
#[derive(Debug, Default)]
pub struct CapturedHeaders {
    request: Option<Py<PyAny>>,
    response: Option<Py<PyAny>>,
    sanitize: Option<Py<PyAny>>,
}

/// A header that is captured: attribute key and value.
#[derive(Debug)]
pub(super) struct Captured {
    key: String,
    value: String,
}

impl Captured {
    /// The value as the list that the conventions want; the attribute borrows it.
    pub(super) fn values(&self) -> [Str<'_>; 1] {
        [Str::borrowed(&self.value)]
    }

    /// The attribute.
    pub(super) fn attribute<'a>(&'a self, values: &'a [Str<'a>]) -> KeyValue<'a> {
        KeyValue::with_key(&self.key, Value::list(values))
    }
}

impl CapturedHeaders {
    /// Reads the three variables.
    pub fn from_environment(py: Python<'_>) -> Self {
        let pattern = |name: &str| {
            let list = std::env::var(name).ok().filter(|list| !list.is_empty())?;
            let pattern = list.split(',').map(str::trim).collect::<Vec<_>>().join("|");
            compile(py, &pattern, name, true)
        };
        Self { request: pattern(REQUEST), response: pattern(RESPONSE), sanitize: pattern(SANITIZE) }
    }

    /// Puts the captured response headers on the span. Headers of one name are joined with a comma.
    pub(super) fn record_response(&self, span: &Span, headers: &Bound<'_, PyAny>) {
        set_on(headers.py(), span, &self.response_headers(headers));
    }

    /// The captured request headers as a `dict` of attributes.
    ///
    /// # Errors
    ///
    /// What making the `dict` raises.
    pub fn request_attributes<'py>(&self, environ: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(environ.py(), &self.request_headers(environ))
    }

    /// The captured response headers as a `dict` of attributes.
    ///
    /// # Errors
    ///
    /// What making the `dict` raises.
    pub fn response_attributes<'py>(&self, headers: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(headers.py(), &self.response_headers(headers))
    }

    pub(super) fn request_headers(&self, environ: &Bound<'_, PyDict>) -> Vec<Captured> {
        let Some(pattern) = &self.request else { return Vec::new() };
        let headers = environ.iter().filter_map(|(name, value)| {
            let name = name.cast_into::<PyString>().ok()?.to_string_lossy().strip_prefix("HTTP_")?.replace('_', "-");
            Some((name, value.str().swallow(environ.py())?.to_string_lossy().into_owned()))
        });
        self.select(environ.py(), pattern, headers.collect(), request_header_key)
    }

    fn response_headers(&self, headers: &Bound<'_, PyAny>) -> Vec<Captured> {
        let Some(pattern) = &self.response else { return Vec::new() };
        let mut joined: Vec<(String, String)> = Vec::new();
        let py = headers.py();
        for header in headers.try_iter().swallow(py).into_iter().flatten() {
            let Some((name, value)) = header.and_then(|header| texts(&header)).swallow(py) else { continue };
            let (name, value) = (name.to_string_lossy().to_lowercase(), value.to_string_lossy().into_owned());
            match joined.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    known.push(',');
                    known.push_str(&value);
                }
                None => joined.push((name, value)),
            }
        }
        self.select(py, pattern, joined, response_header_key)
    }

    fn select(
        &self,
        py: Python<'_>,
        pattern: &Py<PyAny>,
        headers: Vec<(String, String)>,
        key: fn(&str) -> String,
    ) -> Vec<Captured> {
        let asks = |pattern: &Py<PyAny>, method: &str, name: &str| {
            pattern.bind(py).call_method1(method, (name,)).swallow(py).is_some_and(|found| !found.is_none())
        };
        headers
            .into_iter()
            .filter(|(name, _)| asks(pattern, "fullmatch", name))
            .map(|(name, value)| {
                let redacted = self.sanitize.as_ref().is_some_and(|pattern| asks(pattern, "search", &name));
                Captured { key: key(&name), value: if redacted { REDACTED.to_owned() } else { value } }
            })
            .collect()
    }
}

/// Name and value of a header, a pair of anything that has a text.
fn texts<'py>(header: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyString>, Bound<'py, PyString>)> {
    let (name, value) = header.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
    Ok((name.str()?, value.str()?))
}

pub(super) fn set_on(py: Python<'_>, span: &Span, captured: &[Captured]) {
    for header in captured {
        span.set_attributes(py, &[header.attribute(&header.values())]);
    }
}

fn to_dict<'py>(py: Python<'py>, captured: &[Captured]) -> PyResult<Bound<'py, PyDict>> {
    let attributes = PyDict::new(py);
    for header in captured {
        attributes.set_item(&header.key, PyList::new(py, [&header.value])?)?;
    }
    Ok(attributes)
}
