//! The `start_response` that the application is given.

use otel_rs_core::guard::guard;
use otel_rs_core::http::call_hook;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::request::Request;

/// `start_response` of the server with the status noted on the way.
#[pyclass(frozen, module = "otel_rs_instr_flask")]
pub(crate) struct StartResponse {
    pub request: Py<Request>,
    pub inner: Py<PyAny>,
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        if let (Ok(status), Ok(headers)) = (args.get_item(0), args.get_item(1))
            && self.request.get().is_taken()
        {
            guard("start_response", || self.note(py, &status, &headers)).unwrap_or(Ok(()))?;
        }
        self.inner.bind(py).call(args, kwargs)
    }
}

impl StartResponse {
    /// # Errors
    ///
    /// A `BaseException` of the response hook that is no `Exception`.
    fn note(&self, py: Python<'_>, status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<()> {
        let request = self.request.get();
        let Some(span) = request.respond(py, status, headers) else { return Ok(()) };
        match request.settings.server.response_hook(py) {
            None => Ok(()),
            Some(hook) => {
                let span = span.as_ref().map(|span| span.object(py));
                call_hook(hook, "response_hook", (span, status, headers))
            }
        }
    }
}
