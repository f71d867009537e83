//! `OpenTelemetryMiddleware`.

use std::sync::Arc;

use otel_rs_core::guard::guard;
use otel_rs_core::http::HttpServer;
use otel_rs_core::log;
use otel_rs_semconv::http::instruments;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::SCOPE;
use crate::request::Request;
use crate::start_response::StartResponse;

/// A WSGI application around another one: each request has a span and is counted and timed.
///
/// Environment variables are read when it is made.
#[pyclass(frozen, subclass, dict, weakref, module = "otel_rs_instr_wsgi")]
pub(crate) struct OpenTelemetryMiddleware {
    server: Arc<HttpServer>,
    #[pyo3(get)]
    wsgi: Py<PyAny>,
}

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
        let py = environ.py();
        let wsgi = self.wsgi.bind(py);
        let Some(request) = self.begin(environ)? else {
            return wsgi.call1((environ, start_response)).map(Bound::unbind);
        };
        let traced = StartResponse { request: request.clone(), inner: start_response.clone().unbind() };
        let args = PyTuple::new(py, [environ, Bound::new(py, traced)?.as_any()])?;
        match request.in_context(py, || wsgi.call1(args)) {
            Ok(body) => {
                let wrapped = guard("the body of a response", || request.body(&body, environ));
                Ok(wrapped.and_then(Result::ok).unwrap_or_else(|| body.unbind()))
            }
            Err(error) => {
                guard("the error of an application", || request.raised(py, &error));
                Err(error)
            }
        }
    }
}

impl OpenTelemetryMiddleware {
    /// Nothing if the request cannot be traced; it goes on bare then.
    ///
    /// # Errors
    ///
    /// What the request hook raises that is no `Exception`.
    fn begin(&self, environ: &Bound<'_, PyAny>) -> PyResult<Option<Arc<Request>>> {
        let py = environ.py();
        let Ok(environ) = environ.cast::<PyDict>() else { return Ok(None) };
        match guard("the start of a request", || Request::begin(self.server.clone(), environ)) {
            Some(Ok(request)) => Ok(Some(Arc::new(request))),
            Some(Err(error)) if !error.is_instance_of::<PyException>(py) => Err(error),
            Some(Err(error)) => {
                log::warning_once(py, "begin", &format!("a request was not traced: {error}"));
                Ok(None)
            }
            None => Ok(None),
        }
    }
}
