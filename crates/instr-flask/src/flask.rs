//! What differs between versions of Flask, and the request that is being handled.

use otel_rs_core::once;
use otel_rs_core::patch::Call;
use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyType};

/// The request context of a call of one of the wrapped methods: its argument from Flask 3.2 on, the current one before.
pub(crate) fn request_context<'py>(call: &Call<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    // Asking for an argument that is not there would make an exception on every request.
    if call.args.len() > 1
        && let Ok(argument) = call.args.get_item(1)
        && !argument.is_none()
        && !argument.is_instance_of::<PyBaseException>()
        && argument.getattr_opt(intern!(call.py(), "request"))?.is_some()
    {
        return Ok(Some(argument));
    }
    let context = current_context(call.py())?;
    Ok((!context.is_none()).then_some(context))
}

/// The request context that is current; `None` if there is none.
pub(crate) fn current_context(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    /// `ContextVar.get`, from Flask 2.2 on.
    static GET: PyOnceLock<Option<Py<PyAny>>> = PyOnceLock::new();
    let get = once::get_or_compute(&GET, py, || -> PyResult<_> {
        let globals = py.import("flask.globals")?;
        for name in ["_cv_request", "_cv_app"] {
            if let Some(var) = globals.getattr_opt(name)? {
                return Ok(Some(var.getattr("get")?.unbind()));
            }
        }
        Ok(None)
    })?;
    match get {
        Some(get) => get.bind(py).call1((py.None(),)),
        None => py.import("flask.globals")?.getattr("_request_ctx_stack")?.getattr("top"),
    }
}

/// The exception that a request is torn down with.
pub(crate) fn teardown_exception<'py>(call: &Call<'_, 'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = call.py();
    let last = call.args.len().checked_sub(1).filter(|last| *last > 0);
    let given = match (last, call.kwargs.map(|kwargs| kwargs.get_item("exc")).transpose()?.flatten()) {
        (_, Some(keyword)) => keyword,
        (Some(last), None) => call.args.get_item(last)?,
        (None, None) => py.import("sys")?.call_method0("exc_info")?.get_item(1)?,
    };
    Ok(given.is_instance_of::<PyBaseException>().then_some(given))
}

/// The request of a context, with its environ.
pub(crate) fn request_of<'py>(context: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyDict>)> {
    let py = context.py();
    let request = context.getattr(intern!(py, "request"))?;
    let environ = request.getattr(intern!(py, "environ"))?.cast_into()?;
    Ok((request, environ))
}

/// The matched rule, unless none matched.
pub(crate) struct Rule<'py> {
    /// Its pattern, `/user/<id>`.
    pub pattern: Bound<'py, PyAny>,
    /// Its endpoint, which is the request's.
    pub endpoint: Bound<'py, PyAny>,
}

impl<'py> Rule<'py> {
    /// The rule of a request.
    pub(crate) fn of(request: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let py = request.py();
        let rule = request.getattr(intern!(py, "url_rule"))?;
        if rule.is_none() {
            return Ok(None);
        }
        let (pattern, endpoint) = (rule.getattr(intern!(py, "rule"))?, rule.getattr(intern!(py, "endpoint"))?);
        Ok(Some(Self { pattern, endpoint }))
    }
}

/// Whether a response is made while it is sent. The pages that werkzeug makes for its own errors say so too, but have
/// a length, and are no streams to the stock instrumentation either.
pub(crate) fn is_streamed(response: &Bound<'_, PyAny>) -> PyResult<bool> {
    static CLOSING_ITERATOR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = response.py();
    let body = response.getattr(intern!(py, "response"))?;
    // What most views return; the property is Python code.
    if body.is_exact_instance_of::<PyList>() || !response.getattr(intern!(py, "is_streamed"))?.is_truthy()? {
        return Ok(false);
    }
    let closing_iterator = once::import(&CLOSING_ITERATOR, py, "werkzeug.wsgi", "ClosingIterator")?;
    let has_length = response
        .getattr(intern!(py, "headers"))?
        .call_method1(intern!(py, "get"), (intern!(py, "Content-Length"),))?
        .is_truthy()?;
    Ok(!(has_length && body.get_type().is(closing_iterator)))
}

/// The URL of a request that has no request context yet, as its `Request.url` will be.
pub(crate) fn url_of<'py>(environ: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    static REQUEST: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = environ.py();
    // Without an entry in the environ, and not the application's own class, which may do anything when it is made.
    let options = PyDict::new(py);
    options.set_item("populate_request", false)?;
    let request = once::import(&REQUEST, py, "werkzeug.wrappers", "Request")?.call((environ,), Some(&options))?;
    request.getattr("url")
}

/// `flask.Flask` itself, if it is imported.
pub(crate) fn class(py: Python<'_>) -> PyResult<Option<Bound<'_, PyType>>> {
    let modules = py.import("sys")?.getattr("modules")?.cast_into::<PyDict>()?;
    match modules.get_item("flask.app")? {
        Some(module) => Ok(Some(module.getattr("Flask")?.cast_into()?)),
        None => Ok(None),
    }
}

/// `flask:<version>`
pub(crate) fn framework(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static FRAMEWORK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let framework = once::get_or_compute(&FRAMEWORK, py, || -> PyResult<_> {
        let version: String = py.import("importlib.metadata")?.call_method1("version", ("flask",))?.extract()?;
        Ok(format!("flask:{version}").into_pyobject(py)?.into_any().unbind())
    })?;
    Ok(framework.bind(py))
}
