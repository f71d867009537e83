//! The application of an instrumented server.

use otel_rs_core::guard::{Swallow, guarded};
use otel_rs_core::http::HttpServer;
use otel_rs_core::plugin::Active;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::middleware::OpenTelemetryMiddleware;
use crate::serve::{Mark, serve};

/// The settings of `WsgiInstrumentor().instrument()`, while it holds.
pub(crate) static SERVER: Active<HttpServer> = Active::none();

/// The application as the server gets it. One that is a middleware already is left alone: it has its span.
pub(crate) fn instrument<'py>(app: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
    let py = app.py();
    let is_instrumented =
        app.is_instance_of::<OpenTelemetryMiddleware>() || app.is_instance_of::<InstrumentedApplication>();
    if is_instrumented || is_stock_middleware(app) || app.is_none() {
        return app.clone();
    }
    let wrapped = Bound::new(py, InstrumentedApplication { wsgi: app.clone().unbind() });
    wrapped.swallow(py).map_or_else(|| app.clone(), Bound::into_any)
}

/// Whether it is the stock middleware or a subclass of it, by name: the stock package is not imported.
fn is_stock_middleware(app: &Bound<'_, PyAny>) -> bool {
    app.get_type().mro().iter().filter_map(|class| class.cast_into::<PyType>().ok()).any(|class| {
        let name = class.fully_qualified_name().swallow(app.py());
        name.is_some_and(|name| name.to_string_lossy() == "opentelemetry.instrumentation.wsgi.OpenTelemetryMiddleware")
    })
}

/// An application with a span around each request, which the instrumentation of its framework may take over. It shows
/// the application's attributes, and is bare after `uninstrument()`.
#[guarded]
#[pyclass(frozen, weakref, module = "otel_rs_instr_wsgi")]
struct InstrumentedApplication {
    wsgi: Py<PyAny>,
}

#[guarded]
#[pymethods]
impl InstrumentedApplication {
    fn __call__(&self, environ: &Bound<'_, PyAny>, start_response: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let wsgi = self.wsgi.bind(environ.py());
        let server = SERVER.get();
        match server {
            Some(server) => serve(&server, wsgi, environ, start_response, Mark::Yes),
            None => wsgi.call1((environ, start_response)).map(Bound::unbind),
        }
    }

    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.wsgi.clone_ref(py)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.wsgi.bind(py).getattr(name)
    }
}
