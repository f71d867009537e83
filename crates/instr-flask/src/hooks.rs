//! What runs around the wrapped methods of `flask.Flask`.

use std::sync::Arc;

use otel_rs_core::http::{Close, ResponseBody, ResponseObserver, StartResponse};
use otel_rs_core::log;
use otel_rs_core::patch::Call;
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::apps::Instrumented;
use crate::progress::Arrival;
use crate::request::Request;
use crate::settings::Settings;
use crate::{apps, flask};

/// Around `Flask.__call__`. A middleware that was put around `app.wsgi_app` before `instrument()` holds the original
/// and goes around our wrapper; only then is there something to do here.
pub(crate) fn call_app(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let Some(arguments) = Arguments::of(call) else { return call.proceed() };
    let py = call.py();
    let has_middleware = arguments
        .app
        .getattr(intern!(py, "__dict__"))
        .and_then(|namespace| namespace.contains(intern!(py, "wsgi_app")))
        .unwrap_or(false);
    match has_middleware.then(|| arguments.instrumented()).flatten() {
        Some(app) if app.around_middleware => arguments.serve(call, app.settings, Arrival::AroundMiddleware),
        Some(app) => arguments.serve(call, app.settings, Arrival::Provisional),
        None => call.proceed(),
    }
}

/// Around `Flask.wsgi_app`: the request is measured here, inside of a middleware that was put around it.
pub(crate) fn wsgi_app(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let Some(arguments) = Arguments::of(call) else { return call.proceed() };
    let Some(app) = arguments.instrumented() else { return call.proceed() };
    if let Ok(Some(outer)) = Request::find(&arguments.environ)
        && Arc::ptr_eq(&outer.get().settings, &app.settings)
    {
        if app.around_middleware && outer.get().is_under_way() {
            return call.proceed();
        }
        outer.get().supersede();
    }
    arguments.serve(call, app.settings, Arrival::Inside)
}

/// Around `Flask.full_dispatch_request`: whether the response is a stream.
pub(crate) fn full_dispatch_request(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let response = call.proceed()?;
    let note = || -> PyResult<()> {
        if flask::is_streamed(response.bind(call.py()))?
            && let Some(context) = flask::request_context(call)?
            && let Some(request) = Request::find(&flask::request_of(&context)?.1)?
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
        if let Some(app) = apps::settings_for(&call.args.get_item(0)?)?
            && let Some(context) = flask::request_context(call)?
        {
            Request::dispatch(app.settings, &context)?;
        }
        Ok(())
    };
    match start() {
        // A hook of the user's asked the process to stop.
        Err(error) if !error.is_instance_of::<PyException>(call.py()) => return Err(error),
        result => quietly(call.py(), "preprocess_request", result),
    }
    call.proceed()
}

/// Around `Flask.do_teardown_request`: the span ends after the application's own functions ran.
pub(crate) fn do_teardown_request(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let result = call.proceed();
    let end = || -> PyResult<()> {
        if let Some(context) = flask::request_context(call)?
            && let Some(request) = Request::find(&flask::request_of(&context)?.1)?
        {
            let exception = flask::teardown_exception(call)?;
            request.get().tear_down(call.py(), &context, exception.as_ref());
        }
        Ok(())
    };
    quietly(call.py(), "do_teardown_request", end());
    result
}

/// A failure of ours is logged once and goes no further.
fn quietly(py: Python<'_>, place: &str, result: PyResult<()>) {
    if let Err(error) = result {
        log::warning_once(py, place, &format!("a request was not traced ({place}): {error}"));
    }
}

/// The arguments of a WSGI call on an application.
struct Arguments<'py> {
    app: Bound<'py, PyAny>,
    environ: Bound<'py, PyDict>,
    start_response: Bound<'py, PyAny>,
}

impl<'py> Arguments<'py> {
    /// Nothing if it is called in a way that servers do not.
    fn of(call: &Call<'_, 'py>) -> Option<Self> {
        if call.args.len() != 3 || call.kwargs.is_some_and(|kwargs| !kwargs.is_empty()) {
            return None;
        }
        Some(Self {
            app: call.args.get_item(0).ok()?,
            environ: call.args.get_item(1).ok()?.cast_into().ok()?,
            start_response: call.args.get_item(2).ok()?,
        })
    }

    fn instrumented(&self) -> Option<Instrumented> {
        apps::settings_for(&self.app).unwrap_or_default()
    }

    fn serve(&self, call: &Call<'_, 'py>, settings: Arc<Settings>, arrival: Arrival) -> PyResult<Py<PyAny>> {
        let py = call.py();
        let entered = Request::arrive(&self.environ, settings, arrival)
            .and_then(|request| Ok((Request::enter(&request, &self.environ)?, request)));
        let (previous, request) = match entered {
            Ok(entered) => entered,
            Err(error) => {
                quietly(py, "wsgi_app", Err(error));
                return call.proceed();
            }
        };
        let observed = request.clone_ref(py);
        let observer: ResponseObserver = Box::new(move |status, headers| observed.get().respond(status, headers));
        let start_response = Bound::new(py, StartResponse::new(self.start_response.clone().unbind(), observer))?;
        let args = PyTuple::new(py, [self.app.as_any(), self.environ.as_any(), start_response.as_any()])?;
        let result = call.proceed_with(&args);
        quietly(py, "wsgi_app", Request::leave(&self.environ, previous));
        let taken = request.get().is_taken();
        request.get().supersede();
        match result {
            Ok(body) if taken => Ok(self.finish(&request, body, py)),
            Err(error) if taken => {
                request.get().finish(py);
                Err(error)
            }
            result => result,
        }
    }

    /// The body as the server gets it.
    fn finish(&self, request: &Py<Request>, body: Py<PyAny>, py: Python<'py>) -> Py<PyAny> {
        let Some(context) = request.get().stream_context(py) else {
            request.get().complete(py);
            return body;
        };
        // Servers test for the type of their file wrapper.
        let file_wrapper = self.environ.get_item(intern!(py, "wsgi.file_wrapper")).ok().flatten();
        if file_wrapper.is_some_and(|file_wrapper| body.bind(py).is_instance(&file_wrapper).unwrap_or(false)) {
            request.get().complete_stream(py, None);
            return body;
        }
        let observed = request.clone_ref(py);
        let observer = Box::new(move |py: Python<'_>, exception: Option<&Bound<'_, PyBaseException>>| {
            observed.get().complete_stream(py, exception);
        });
        ResponseBody::wrap(body.bind(py), context, Close::ByServer, observer).unwrap_or(body)
    }
}
