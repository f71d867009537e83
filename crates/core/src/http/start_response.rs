//! The `start_response` that an application is given.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::guard::{Swallow, guard, guarded};

/// Told the status and the very header list that is passed on. What it returns as an error is raised to the
/// application: a `BaseException` of a hook's that is no `Exception`.
pub type ResponseObserver = Box<dyn Fn(&Bound<'_, PyAny>, &Bound<'_, PyAny>) -> PyResult<()> + Send + Sync>;

/// The server's `start_response`, observed. It shows the attributes of the server's.
#[guarded]
#[pyclass(frozen, module = "otel_rs")]
pub struct StartResponse {
    inner: Py<PyAny>,
    observer: ResponseObserver,
}

impl StartResponse {
    /// Calls `observer`, then `inner` with the arguments as they came.
    pub fn new(inner: Py<PyAny>, observer: ResponseObserver) -> Self {
        Self { inner, observer }
    }
}

#[guarded]
#[pymethods]
impl StartResponse {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let argument = |index, names: &[&str]| {
            let named = || names.iter().find_map(|name| kwargs?.get_item(name).swallow(args.py()).flatten());
            args.get_item(index).ok().or_else(named)
        };
        // PEP 3333 has the arguments positional; servers take keywords too, by one of two names for the headers.
        if let (Some(status), Some(headers)) = (argument(0, &["status"]), argument(1, &["headers", "response_headers"]))
        {
            guard("start_response", || (self.observer)(&status, &headers)).unwrap_or(Ok(()))?;
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
