//! One server span for two instrumentations: what the instrumentation of a WSGI server leaves in the environ, and how
//! the one of a framework under it takes the request over.
//!
//! The two are in different wheels and share no Rust type, so this is a Python object with an attribute and three methods.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::trace::Span;

/// The key of the environ.
pub fn claim_key(py: Python<'_>) -> &Bound<'_, PyString> {
    intern!(py, "otel_rs.http.server_request")
}

/// A request whose server span and metrics are somebody else's.
#[derive(Debug)]
pub struct ClaimedRequest(Py<PyAny>);

impl ClaimedRequest {
    /// The request that the server's instrumentation has marked, if it has.
    ///
    /// # Errors
    ///
    /// What looking into the environ raises.
    pub fn find(environ: &Bound<'_, PyDict>) -> PyResult<Option<Self>> {
        Ok(environ
            .get_item(claim_key(environ.py()))?
            .filter(|object| !object.is_none())
            .map(|object| Self(object.unbind())))
    }

    /// Its server span.
    ///
    /// # Errors
    ///
    /// What the other wheel raises.
    pub fn span(&self, py: Python<'_>) -> PyResult<Span> {
        Span::adopt(&self.0.bind(py).getattr(intern!(py, "span"))?)
    }

    /// Names the span, and tells the duration its route.
    ///
    /// # Errors
    ///
    /// What the other wheel raises.
    pub fn set_route(&self, py: Python<'_>, name: &str, route: Option<&str>) -> PyResult<()> {
        self.0.bind(py).call_method1(intern!(py, "set_route"), (name, route)).map(drop)
    }

    /// Records what a request failed with. If the same exception reaches the server, it is not recorded again.
    ///
    /// # Errors
    ///
    /// What the other wheel raises.
    pub fn record_error(&self, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = exception.py();
        self.0.bind(py).call_method1(intern!(py, "record_error"), (exception,)).map(drop)
    }

    /// Leaves the request out of traces and durations.
    ///
    /// # Errors
    ///
    /// What the other wheel raises.
    pub fn exclude(&self, py: Python<'_>) -> PyResult<()> {
        self.0.bind(py).call_method0(intern!(py, "exclude")).map(drop)
    }
}
