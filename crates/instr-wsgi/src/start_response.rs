//! The `start_response` that the application is given.

use std::sync::Arc;

use otel_rs_core::guard::guard;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::request::Request;

/// `start_response` of the server with the status noted on the way. It shows the attributes of the server's.
#[pyclass(frozen, module = "otel_rs_instr_wsgi")]
pub(crate) struct StartResponse {
    pub request: Arc<Request>,
    pub environ: Py<PyDict>,
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
        if let (Ok(status), Ok(headers)) = (args.get_item(0), args.get_item(1)) {
            guard("start_response", || self.request.respond(&self.environ, &status, &headers)).unwrap_or(Ok(()))?;
        }
        self.inner.bind(args.py()).call(args, kwargs)
    }

    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.inner.clone_ref(py)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(py).getattr(name)
    }
}
