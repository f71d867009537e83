//! `OpenTelemetryMiddleware`.

use std::sync::Arc;

use otel_rs_core::guard::guarded;
use otel_rs_core::http::HttpServer;
use otel_rs_semconv::http::instruments;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::SCOPE;
use crate::serve::{Mark, serve};

/// A WSGI application around another one: each request has a span and is counted and timed.
///
/// Environment variables are read when it is made.
#[guarded]
#[pyclass(frozen, subclass, dict, weakref, module = "otel_rs_instr_wsgi")]
pub(crate) struct OpenTelemetryMiddleware {
    server: Arc<HttpServer>,
    #[pyo3(get)]
    wsgi: Py<PyAny>,
}

#[guarded]
#[pymethods]
impl OpenTelemetryMiddleware {
    #[new]
    #[pyo3(signature = (wsgi, request_hook = None, response_hook = None, tracer_provider = None, meter_provider = None))]
    fn new(
        wsgi: &Bound<'_, PyAny>,
        request_hook: Option<&Bound<'_, PyAny>>,
        response_hook: Option<&Bound<'_, PyAny>>,
        tracer_provider: Option<&Bound<'_, PyAny>>,
        meter_provider: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let options = PyDict::new(wsgi.py());
        options.set_item("request_hook", request_hook)?;
        options.set_item("response_hook", response_hook)?;
        options.set_item("tracer_provider", tracer_provider)?;
        options.set_item("meter_provider", meter_provider)?;
        let server = HttpServer::new(SCOPE, env!("CARGO_PKG_VERSION"), instruments::wsgi, &options)?;
        Ok(Self { server: Arc::new(server), wsgi: wsgi.clone().unbind() })
    }

    fn __call__(&self, environ: &Bound<'_, PyAny>, start_response: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        serve(&self.server, self.wsgi.bind(environ.py()), environ, start_response, Mark::No)
    }
}
