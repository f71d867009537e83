//! The servers whose applications `WsgiInstrumentor` wraps, without code of the user's.

use otel_rs_core::log;
use otel_rs_core::patch::{Call, PatchPoint, PatchSet};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::application;

/// Names the servers, separated by commas.
const VARIABLE: &str = "OTEL_RS_WSGI_SERVERS";

/// A server that is known.
struct Server {
    name: &'static str,
    patches: &'static PatchSet,
}

/// Where each server is given its application.
static SERVERS: [Server; 5] = [
    Server { name: "gunicorn", patches: &GUNICORN },
    Server { name: "wsgiref", patches: &WSGIREF },
    Server { name: "waitress", patches: &WAITRESS },
    Server { name: "cheroot", patches: &CHEROOT },
    Server { name: "werkzeug", patches: &WERKZEUG },
];

static GUNICORN: PatchSet = PatchSet::new(&[PatchPoint::around("gunicorn.app.base", "BaseApplication.wsgi", |call| {
    let app = call.proceed()?;
    Ok(application::instrument(app.bind(call.py())).unbind())
})]);

static WSGIREF: PatchSet =
    PatchSet::new(&[PatchPoint::around("wsgiref.simple_server", "WSGIServer.set_app", |call| {
        with_argument(call, 1, "application")
    })]);

static WAITRESS: PatchSet =
    PatchSet::new(&[PatchPoint::around("waitress.server", "BaseWSGIServer.__init__", |call| {
        with_argument(call, 1, "application")
    })]);

static CHEROOT: PatchSet =
    PatchSet::new(&[PatchPoint::around("cheroot.wsgi", "Server.__init__", |call| with_argument(call, 2, "wsgi_app"))]);

static WERKZEUG: PatchSet =
    PatchSet::new(&[PatchPoint::around("werkzeug.serving", "BaseWSGIServer.__init__", |call| {
        with_argument(call, 3, "app")
    })]);

/// Wraps the applications of the servers that the variable names. Without it nothing is wrapped: the span of another
/// framework's instrumentation would turn internal under ours.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    let names = std::env::var(VARIABLE).unwrap_or_default();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match SERVERS.iter().find(|server| server.name.eq_ignore_ascii_case(name)) {
            Some(server) => server.patches.install(py)?,
            None => {
                let known = SERVERS.each_ref().map(|server| server.name).join(", ");
                log::warning_once(py, name, &format!("{VARIABLE} names '{name}': expected {known}; it is ignored"));
            }
        }
    }
    Ok(())
}

/// Makes the servers bare again.
pub(crate) fn remove(py: Python<'_>) {
    for server in &SERVERS {
        server.patches.remove(py);
    }
}

/// Calls the original with the application that is its argument `index`, or `keyword`, wrapped.
fn with_argument(call: &Call<'_, '_>, index: usize, keyword: &str) -> PyResult<Py<PyAny>> {
    let py = call.py();
    if let Ok(app) = call.args.get_item(index) {
        let mut args: Vec<_> = call.args.iter().collect();
        args[index] = application::instrument(&app);
        return call.proceed_with(&PyTuple::new(py, args)?);
    }
    let Some(kwargs) = call.kwargs else { return call.proceed() };
    let kwargs: Bound<'_, PyDict> = kwargs.copy()?;
    if let Some(app) = kwargs.get_item(keyword)? {
        kwargs.set_item(keyword, application::instrument(&app))?;
    }
    call.proceed_as(call.args, Some(&kwargs))
}
