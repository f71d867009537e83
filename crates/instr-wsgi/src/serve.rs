//! One request, from the server's call to the body it gets.

use std::sync::Arc;

use otel_rs_core::guard::{self, Swallow, guard};
use otel_rs_core::http::{HttpServer, ResponseObserver, StartResponse, claim_key, unless_interrupted};
use otel_rs_core::log::{self, Level};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::request::{Request, ServerRequest};

/// Whether the request is marked for the instrumentation of a framework to take it over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Yes,
    No,
}

/// Calls `wsgi` with a span around it. A request that cannot be traced goes on bare.
pub(crate) fn serve(
    server: &Arc<HttpServer>,
    wsgi: &Bound<'_, PyAny>,
    environ: &Bound<'_, PyAny>,
    start_response: &Bound<'_, PyAny>,
    mark: Mark,
) -> PyResult<Py<PyAny>> {
    let py = environ.py();
    let Some((request, environ)) = begin(server, environ)? else {
        guard::check()?;
        return wsgi.call1((environ, start_response)).map(Bound::unbind);
    };
    let (observed, its_environ) = (request.clone(), environ.clone().unbind());
    let observer: ResponseObserver = Box::new(move |status, headers| observed.respond(&its_environ, status, headers));
    let start_response = Bound::new(py, StartResponse::new(start_response.clone().unbind(), observer))?;
    let args = PyTuple::new(py, [environ.as_any(), start_response.as_any()])?;
    if mark == Mark::Yes {
        environ.set_item(claim_key(py), Bound::new(py, ServerRequest(request.clone()))?)?;
    }
    let (result, left) = request.in_context(py, || guard::check().and_then(|()| wsgi.call1(args)));
    if mark == Mark::Yes && environ.contains(claim_key(py)).swallow(py).unwrap_or(false) {
        environ.del_item(claim_key(py)).swallow(py);
    }
    match result {
        Ok(body) => {
            let wrapped = guard("the body of a response", || request.body(&body, &environ, left));
            let wrapped = wrapped.and_then(|wrapped| wrapped.swallow(py)).unwrap_or_else(|| {
                guard("the end of a request", || request.end(py, None));
                body.unbind()
            });
            unless_interrupted(py, wrapped)
        }
        Err(error) => {
            guard("the error of an application", || request.raised(py, &error));
            Err(error)
        }
    }
}

/// # Errors
///
/// What the request hook raises that is no `Exception`.
fn begin<'py>(
    server: &Arc<HttpServer>,
    environ: &Bound<'py, PyAny>,
) -> PyResult<Option<(Arc<Request>, Bound<'py, PyDict>)>> {
    let py = environ.py();
    let Ok(environ) = environ.cast::<PyDict>() else { return Ok(None) };
    match guard("the start of a request", || Request::begin(server.clone(), environ)) {
        Some(Ok(request)) => Ok(Some((Arc::new(request), environ.clone()))),
        Some(Err(error)) if !error.is_instance_of::<PyException>(py) => Err(error),
        Some(Err(error)) => {
            log::raised_once(py, Level::Warning, "begin", &error, "a request was not traced");
            Ok(None)
        }
        None => Ok(None),
    }
}
