//! One request, from the server's call to the body it gets.

use std::sync::Arc;

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::http::{Close, ResponseBody, ResponseObserver, StartResponse, unless_interrupted};
use otel_rs_core::patch::Call;
use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::FUNCTIONS;
use crate::apps::{self, Instrumented};
use crate::hooks::quietly;
use crate::progress::Arrival;
use crate::request::Request;
use crate::settings::Settings;

/// The arguments of a WSGI call on an application.
pub(crate) struct Arguments<'py> {
    pub app: Bound<'py, PyAny>,
    environ: Bound<'py, PyDict>,
    start_response: Bound<'py, PyAny>,
}

impl<'py> Arguments<'py> {
    /// Nothing if it is called in a way that servers do not.
    pub(crate) fn of(call: &Call<'_, 'py>) -> Option<Self> {
        if call.args.len() != 3 || call.kwargs.is_some_and(|kwargs| !kwargs.is_empty()) {
            return None;
        }
        Some(Self {
            app: call.args.get_item(0).ok()?,
            environ: call.args.get_item(1).ok()?.cast_into().ok()?,
            start_response: call.args.get_item(2).ok()?,
        })
    }

    pub(crate) fn instrumented(&self) -> Option<Instrumented> {
        apps::settings_for(&self.app).swallow(self.app.py()).flatten()
    }

    /// The request that the environ comes with, if it is measured with the same settings.
    pub(crate) fn outer(&self, app: &Instrumented) -> Option<Bound<'py, Request>> {
        let outer = Request::find(&self.environ).swallow(self.app.py()).flatten();
        outer.filter(|outer| Arc::ptr_eq(&outer.get().settings, &app.settings))
    }

    /// Calls the application.
    pub(crate) fn serve(&self, call: &Call<'_, 'py>, settings: Arc<Settings>, arrival: Arrival) -> PyResult<Py<PyAny>> {
        let py = call.py();
        let arrived = Request::arrive(&self.environ, &self.app, settings, arrival).and_then(|request| {
            let entered = guard::check().and_then(|()| Request::enter(&request, &self.environ));
            Ok((entered.inspect_err(|error| request.get().fail(py, error))?, request))
        });
        let (previous, request) = match arrived {
            Ok(arrived) => arrived,
            Err(error) => {
                quietly(py, "wsgi_app", Err(error));
                guard::check()?;
                return call.proceed();
            }
        };
        let observed = request.clone_ref(py);
        let observer: ResponseObserver = Box::new(move |status, headers| observed.get().respond(status, headers));
        let start_response = Bound::new(py, StartResponse::new(self.start_response.clone().unbind(), observer))?;
        let args = PyTuple::new(py, [self.app.as_any(), self.environ.as_any(), start_response.as_any()])?;
        quietly(py, "wsgi_app", request.get().start_at_arrival(&self.environ));
        let result = guard::check().and_then(|()| call.proceed_with(&args));
        if !FUNCTIONS.is_installed() {
            request.get().miss_teardown(py, result.as_ref().err());
        }
        quietly(py, "wsgi_app", Request::leave(&self.environ, previous));
        let taken = request.get().is_taken();
        request.get().supersede();
        match result {
            Ok(body) if taken => unless_interrupted(py, self.finish(&request, body, py)),
            Err(error) if taken => {
                request.get().fail(py, &error);
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
        let file_wrapper = self.environ.get_item(intern!(py, "wsgi.file_wrapper")).swallow(py).flatten();
        if file_wrapper
            .is_some_and(|file_wrapper| body.bind(py).is_instance(&file_wrapper).swallow(py).unwrap_or(false))
        {
            request.get().complete_stream(py, None);
            return body;
        }
        let observed = request.clone_ref(py);
        let observer = Box::new(move |py: Python<'_>, exception: Option<&Bound<'_, PyBaseException>>| {
            observed.get().complete_stream(py, exception);
        });
        let wrapped = ResponseBody::wrap(body.bind(py), context, Close::ByServer, observer);
        wrapped.swallow(py).unwrap_or(body)
    }
}
