//! Functions that `to_thread` runs.

use std::sync::Arc;

use otel_rs_core::guard::{self, Swallow, guard, guarded};
use otel_rs_core::once;
use otel_rs_core::text::Text;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::process::{Outcome, Process, Subject};
use crate::settings::Settings;
use crate::state::{State, is_cancellation};

/// A function around `function` that measures each call.
pub(crate) fn trace<'py>(settings: &Arc<Settings>, function: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let traced = ThreadFunction {
        settings: Arc::clone(settings),
        name: name_of(function)?,
        function: function.clone().unbind(),
    };
    Ok(Bound::new(function.py(), traced)?.into_any())
}

/// The name of a function, or of the one in a `functools.partial`.
fn name_of(function: &Bound<'_, PyAny>) -> PyResult<Option<Text>> {
    static PARTIAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = function.py();
    let mut name = function.getattr_opt(intern!(py, "__name__"))?;
    if name.is_none() && function.is_instance(once::import(&PARTIAL, py, "functools", "partial")?)? {
        name = function.getattr(intern!(py, "func"))?.getattr_opt(intern!(py, "__name__"))?;
    }
    Ok(name.filter(|name| !name.is_none()).as_ref().and_then(Text::from_any))
}

// A function with a measurement around each call. It shows what the function shows.
#[guarded]
#[pyclass(frozen, weakref, module = "otel_rs_instr_asyncio")]
struct ThreadFunction {
    settings: Arc<Settings>,
    name: Option<Text>,
    function: Py<PyAny>,
}

impl ThreadFunction {
    fn start(&self, py: Python<'_>) -> Process {
        let name = self.name.as_ref().map(Text::as_str);
        let span_name = name.filter(|name| self.settings.thread_functions.contains(*name));
        let span_name = span_name.map(|name| format!("asyncio to_thread-{name}"));
        Process::start(py, Arc::clone(&self.settings), span_name.as_deref())
    }

    fn finish(&self, py: Python<'_>, process: Process, error: Option<&PyErr>) {
        let exception = error.map(|error| error.clone_ref(py).into_value(py).into_bound(py).into_any());
        let outcome = match &exception {
            None => Outcome { state: State::Finished, error: None },
            Some(error) if is_cancellation(error).swallow(py).unwrap_or(false) => {
                Outcome { state: State::Cancelled, error: None }
            }
            Some(error) => {
                Outcome { state: State::of(error).swallow(py).unwrap_or(State::Exception), error: Some(error) }
            }
        };
        process.finish(py, &Subject::ToThread(self.name.as_ref()), &outcome);
    }
}

#[guarded]
#[pymethods]
impl ThreadFunction {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(&self, args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
        let py = args.py();
        let process = guard("the start of a function in a thread", || self.start(py));
        let called = guard::check().and_then(|()| self.function.bind(py).call(args, kwargs));
        let result = called.map(Bound::unbind);
        if let Some(process) = process {
            guard("the end of a function in a thread", || self.finish(py, process, result.as_ref().err()));
        }
        result
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(name.cast()?)
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).repr().map(Bound::into_any)
    }

    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.function.clone_ref(py)
    }

    #[getter]
    fn __doc__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(intern!(py, "__doc__"))
    }

    #[getter]
    fn __module__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(intern!(py, "__module__"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}
