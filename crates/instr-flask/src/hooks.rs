//! What runs around the wrapped methods of `flask.Flask`.

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::log::{self, Level};
use otel_rs_core::patch::Call;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;

use crate::progress::Arrival;
use crate::request::Request;
use crate::serve::Arguments;
use crate::{apps, copied, flask, overrides};

/// Around `Flask.__init__`: an application of a subclass may have methods of its own in place of the wrapped ones.
pub(crate) fn make_app(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let result = call.proceed()?;
    let cover = || -> PyResult<()> { overrides::cover(&call.args.get_item(0)?.get_type()) };
    quietly(call.py(), "a subclass of Flask", cover());
    Ok(result)
}

/// Around `Flask.__call__`. A middleware that was put around `app.wsgi_app` before `instrument()` holds the original
/// and goes around our wrapper; only then is there something to do here.
pub(crate) fn call_app(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    call_around(call, false)
}

/// Around the `__call__` that a subclass has in place of Flask's: it may not come to `wsgi_app`.
pub(crate) fn call_overridden(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    call_around(call, true)
}

fn call_around(call: &Call<'_, '_>, is_overridden: bool) -> PyResult<Py<PyAny>> {
    let Some(arguments) = Arguments::of(call) else { return call.proceed() };
    let py = call.py();
    let has_middleware = arguments
        .app
        .getattr(intern!(py, "__dict__"))
        .and_then(|namespace| namespace.contains(intern!(py, "wsgi_app")))
        .swallow(py)
        .unwrap_or(false);
    match (has_middleware || is_overridden).then(|| arguments.instrumented()).flatten() {
        Some(app) if arguments.outer(&app).is_some_and(|outer| outer.get().includes_call_of(&arguments.app)) => {
            drop(app);
            call.proceed()
        }
        Some(app) if app.around_middleware && has_middleware => {
            arguments.serve(call, app.settings, Arrival::AroundMiddleware)
        }
        Some(app) => arguments.serve(call, app.settings, Arrival::Provisional),
        None => call.proceed(),
    }
}

/// Around `Flask.wsgi_app`: the request is measured here, inside of a middleware that was put around it.
pub(crate) fn wsgi_app(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    wsgi_app_met(call, Arrival::Inside)
}

/// Around the `wsgi_app` that a subclass has in place of Flask's.
pub(crate) fn wsgi_app_overridden(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    wsgi_app_met(call, Arrival::Overridden)
}

fn wsgi_app_met(call: &Call<'_, '_>, arrival: Arrival) -> PyResult<Py<PyAny>> {
    let Some(arguments) = Arguments::of(call) else { return call.proceed() };
    let Some(app) = arguments.instrumented() else { return call.proceed() };
    if let Some(outer) = arguments.outer(&app) {
        let outer = outer.get();
        let is_around = app.around_middleware && outer.is_under_way();
        if is_around || (outer.is_taken() && outer.includes_call_of(&arguments.app)) {
            return call.proceed();
        }
        outer.supersede();
    }
    arguments.serve(call, app.settings, arrival)
}

/// Around `Flask.full_dispatch_request`: whether the response is a stream.
pub(crate) fn full_dispatch_request(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let response = call.proceed()?;
    let note = || -> PyResult<()> {
        if flask::is_streamed(response.bind(call.py()))?
            && let Some(request) = current_request(call)?
        {
            request.get().stream();
        }
        Ok(())
    };
    quietly(call.py(), "full_dispatch_request", note());
    Ok(response)
}

/// Around `Flask.preprocess_request`: the span starts before the application's own functions run.
pub(crate) fn preprocess_request(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let start = || -> PyResult<()> {
        let app = call.args.get_item(0)?;
        if let Some(instrumented) = apps::settings_for(&app)?
            && let Some(context) = flask::request_context(call)?
        {
            Request::dispatch(&app, instrumented.settings, &context)?;
        }
        Ok(())
    };
    match start() {
        // A hook of the user's asked the process to stop.
        Err(error) if !error.is_instance_of::<PyException>(call.py()) => return Err(error),
        result => quietly(call.py(), "preprocess_request", result),
    }
    guard::check()?;
    call.proceed().inspect_err(|error| note_raised(call, error))
}

/// Around `Flask.dispatch_request`: what a view has raised, before somebody answers it.
pub(crate) fn dispatch_request(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    call.proceed().inspect_err(|error| note_raised(call, error))
}

/// Around `Flask.handle_user_exception`: an `abort(503)` without a handler is an answer, nothing behind one.
pub(crate) fn handle_user_exception(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let result = call.proceed()?;
    if call.args.iter().any(|argument| argument.is(&result)) {
        let forget = || -> PyResult<()> {
            if let Some(request) = current_request(call)? {
                request.get().note_raised(None);
            }
            Ok(())
        };
        quietly(call.py(), "handle_user_exception", forget());
    }
    Ok(result)
}

/// Around `copy` of a request context.
pub(crate) fn copy_context(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let copy = call.proceed()?;
    quietly(call.py(), "a copied request context", copied::carry(copy.bind(call.py())));
    Ok(copy)
}

/// Around `Flask.do_teardown_request`: the span ends after the application's own functions ran.
pub(crate) fn do_teardown_request(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let result = call.proceed();
    let end = || -> PyResult<()> {
        if let Some(context) = flask::request_context(call)? {
            let (_, environ) = flask::request_of(&context)?;
            if let Some(request) = Request::of(&environ, &context)? {
                let exception = flask::teardown_exception(call)?;
                request.get().tear_down(call.py(), &context, exception.as_ref());
                Request::give_back(&request, &environ)?;
            }
        }
        Ok(())
    };
    quietly(call.py(), "do_teardown_request", end());
    result
}

/// The request that a method is called for.
fn current_request<'py>(call: &Call<'_, 'py>) -> PyResult<Option<Bound<'py, Request>>> {
    match flask::request_context(call)? {
        Some(context) => Request::of(&flask::request_of(&context)?.1, &context),
        None => Ok(None),
    }
}

fn note_raised(call: &Call<'_, '_>, error: &PyErr) {
    let py = call.py();
    if !error.is_instance_of::<PyException>(py) {
        return;
    }
    let note = || -> PyResult<()> {
        if let Some(request) = current_request(call)? {
            request.get().note_raised(Some(error.value(py).clone().into_any().unbind()));
        }
        Ok(())
    };
    quietly(py, "an exception of a view", note());
}

/// A failure of ours is logged once and goes no further.
pub(crate) fn quietly(py: Python<'_>, place: &str, result: PyResult<()>) {
    if let Err(error) = result {
        log::raised_once(py, Level::Warning, place, &error, &format!("a request was not traced ({place})"));
    }
}
