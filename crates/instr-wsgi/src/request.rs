//! A request on its way through the middleware.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use otel_rs_abi::KeyValue;
use otel_rs_core::context::{self, ContextValues};
use otel_rs_core::guard::{self, Swallow, guarded};
use otel_rs_core::http::{Close, EnvironFacts, HttpServer, Response, ResponseBody, call_hook};
use otel_rs_core::text::Text;
use otel_rs_core::trace::{Span, StatusCode, message};
use otel_rs_semconv::http::ResponseStatus;
use otel_rs_semconv::http::attributes::{ERROR_TYPE, HTTP_ROUTE};
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The state of one request.
pub(crate) struct Request {
    server: Arc<HttpServer>,
    facts: EnvironFacts,
    span: Span,
    is_server: bool,
    /// The context with the span.
    context: Py<PyAny>,
    started: Instant,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    status: Option<Text>,
    /// What the instrumentation of a framework has said, if there is one.
    route: Option<String>,
    excluded: bool,
    /// Address of the exception that it has recorded.
    recorded: Option<usize>,
    measured: bool,
    ended: bool,
}

impl Request {
    /// Starts the span and counts the request.
    ///
    /// # Errors
    ///
    /// What a provider raises, and what the request hook raises that is no `Exception`.
    pub(crate) fn begin(server: Arc<HttpServer>, environ: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = environ.py();
        let facts = server.read(environ)?;
        let name = server.span_name(py, &facts, None);
        let started = server.start(environ, &facts, &name, None, None)?;
        server.restate_request_headers(py, &started);
        let values = ContextValues { span: Some(started.span.object(py)), ..ContextValues::default() };
        let context = server
            .call_request_hook(&started, environ)
            .and_then(|_| guard::check())
            .and_then(|()| context::derive(py, Some(&started.incoming.context), values))
            // A span that never ends is never exported.
            .inspect_err(|_| started.span.end(py, None))?
            .unbind();
        server.count(py, &facts, 1.0);
        Ok(Self {
            server,
            facts,
            span: started.span,
            is_server: started.is_server,
            context,
            started: Instant::now(),
            progress: Mutex::default(),
        })
    }

    /// No Python code runs under the lock.
    fn progress<T>(&self, body: impl FnOnce(&mut Progress) -> T) -> T {
        body(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `body` with the span current; returns with its result what it has left current.
    pub(crate) fn in_context<'py, T>(&self, py: Python<'py>, body: impl FnOnce() -> T) -> (T, Bound<'py, PyAny>) {
        context::run_in(self.context.bind(py), body)
    }

    /// The response starts: its status goes on the span, and the response hook is called.
    ///
    /// # Errors
    ///
    /// What the hook raises that is no `Exception`.
    pub(crate) fn respond(
        &self,
        environ: &Py<PyDict>,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = status.py();
        if let Some(text) = Text::from_any(status) {
            self.server.respond(&self.span, self.is_server, &text, headers);
            // One of before is dropped here, without the lock: it may be of a class with a finalizer.
            drop(self.progress(|progress| progress.status.replace(text)));
        }
        match self.server.response_hook(py) {
            None => Ok(()),
            Some(hook) => call_hook(hook, "response_hook", (self.span.object(py), environ, status, headers)),
        }
    }

    /// The body as the server gets it. One that has a length is complete and measured now, as by the stock
    /// middleware; another one is measured when it ends. The span ends with the body in any case. `context` is what the
    /// application has left current.
    pub(crate) fn body(
        self: &Arc<Self>,
        body: &Bound<'_, PyAny>,
        environ: &Bound<'_, PyDict>,
        context: Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let py = body.py();
        // Servers test for the type of their file wrapper, so it is not wrapped.
        let file_wrapper = environ.get_item(intern!(py, "wsgi.file_wrapper"))?;
        if file_wrapper.is_some_and(|file_wrapper| body.is_instance(&file_wrapper).swallow(py).unwrap_or(false)) {
            self.end(py, None);
            return Ok(body.clone().unbind());
        }
        if body.hasattr(intern!(py, "__len__")).swallow(py).unwrap_or(false) {
            self.measure(py, None);
        }
        let context = match self.progress(|progress| progress.excluded) {
            false => context,
            true => {
                let values = ContextValues { span: Some(context::invalid_span(py)?), ..ContextValues::default() };
                context::derive(py, Some(&context), values)?
            }
        };
        let request = self.clone();
        let observer = Box::new(move |py: Python<'_>, exception: Option<&Bound<'_, PyBaseException>>| {
            request.end(py, exception);
        });
        ResponseBody::wrap(body, context.unbind(), Close::AtEnd, observer)
    }

    /// The application raised instead of answering.
    pub(crate) fn raised(&self, py: Python<'_>, error: &PyErr) {
        // It has its traceback then, which before Python 3.12 it has only once it has been caught.
        let exception = error.clone_ref(py).into_value(py).into_bound(py);
        let recorded = self.is_recorded(&exception);
        if !self.server.stability().reports_new() || !exception.is_instance_of::<PyException>() {
            return self.end(py, Some(&exception).filter(|_| !recorded));
        }
        let error_type = error.get_type(py).qualname().swallow(py);
        let error_type = error_type.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.span.set_attributes(py, &[KeyValue::new(ERROR_TYPE, error_type.as_str())]);
        if !recorded {
            self.span.record_error(&exception);
            // In the stable convention the stock middleware ends with the message alone.
            self.span.set_status(py, StatusCode::Error, &message(&exception));
        }
        self.measure(py, Some(&error_type));
        self.end(py, None);
    }

    /// Whether the instrumentation of a framework has recorded the exception already.
    fn is_recorded(&self, exception: &Bound<'_, PyBaseException>) -> bool {
        self.progress(|progress| progress.recorded) == Some(exception.as_ptr() as usize)
    }

    /// Ends the span, once, with the exception that the body raised, if it raised one.
    pub(crate) fn end(&self, py: Python<'_>, exception: Option<&Bound<'_, PyBaseException>>) {
        if self.progress(|progress| std::mem::replace(&mut progress.ended, true)) {
            return;
        }
        if let Some(exception) = exception {
            self.span.record_error(exception);
        }
        self.measure(py, None);
        // A span that never ends is never exported.
        if !self.progress(|progress| progress.excluded) {
            self.span.end(py, None);
        }
    }

    /// Records the duration, once.
    fn measure(&self, py: Python<'_>, error_type: Option<&str>) {
        let (first, excluded, status, route) = self.progress(|progress| {
            let first = !std::mem::replace(&mut progress.measured, true);
            (first, progress.excluded, progress.status.take(), progress.route.take())
        });
        if !first {
            return;
        }
        self.server.count(py, &self.facts, -1.0);
        if excluded {
            return;
        }
        let response = Response {
            status: status.as_ref().map(|status| ResponseStatus::parse(status.as_str())),
            route: route.as_deref(),
            error_type,
        };
        self.server.record_duration(py, &self.facts, &response, self.started.elapsed(), Some(&self.span));
    }
}

/// What the instrumentation of a framework finds in the environ of a request that came through an instrumented server.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_wsgi")]
pub(crate) struct ServerRequest(pub Arc<Request>);

#[guarded]
#[pymethods]
impl ServerRequest {
    /// The server span.
    #[getter]
    fn span<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.0.span.object(py).clone()
    }

    /// Names the span, and gives it and the duration their route.
    fn set_route(&self, py: Python<'_>, name: &str, route: Option<&str>) {
        self.0.span.update_name(py, name);
        if let Some(route) = route {
            self.0.span.set_attributes(py, &[KeyValue::new(HTTP_ROUTE, route)]);
            self.0.progress(|progress| progress.route = Some(route.to_owned()));
        }
    }

    /// Records what the request failed with.
    fn record_error(&self, exception: &Bound<'_, PyAny>) {
        self.0.span.record_error(exception);
        self.0.progress(|progress| progress.recorded = Some(exception.as_ptr() as usize));
    }

    /// Leaves the request out of traces and durations.
    fn exclude(&self) {
        self.0.progress(|progress| progress.excluded = true);
    }
}
