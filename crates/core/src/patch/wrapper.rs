//! The callable that stands in for a patched function.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::once;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use super::Hook;
use crate::guard::{guard, guarded};

// A function of the library with a hook around it.
//
// It binds as a Python function does (stable identity on the class, a bound method on an instance), shows the name,
// module, documentation and signature of what it wraps, and calls straight through once it is switched off.
#[expect(missing_docs, reason = "a documented class would show its own documentation, not that of what it wraps")]
#[guarded]
#[pyclass(frozen, weakref, module = "otel_rs")]
pub struct Wrapper {
    wrapped: Py<PyAny>,
    hook: Hook,
    place: &'static str,
    active: AtomicBool,
}

/// A call of a patched function, as its hook sees it.
pub struct Call<'a, 'py> {
    /// The original.
    wrapped: &'a Bound<'py, PyAny>,
    /// Positional arguments; for a method the first is the receiver.
    pub args: &'a Bound<'py, PyTuple>,
    /// Keyword arguments.
    pub kwargs: Option<&'a Bound<'py, PyDict>>,
    outcome: RefCell<Option<PyResult<Py<PyAny>>>>,
}

impl<'py> Call<'_, 'py> {
    /// The interpreter.
    pub fn py(&self) -> Python<'py> {
        self.args.py()
    }

    /// Calls the original with the arguments as they came.
    ///
    /// # Errors
    ///
    /// What the original raises.
    pub fn proceed(&self) -> PyResult<Py<PyAny>> {
        self.proceed_with(self.args)
    }

    /// Calls the original with other positional arguments.
    ///
    /// # Errors
    ///
    /// What the original raises.
    pub fn proceed_with(&self, args: &Bound<'py, PyTuple>) -> PyResult<Py<PyAny>> {
        self.proceed_as(args, self.kwargs)
    }

    /// Calls the original with other arguments.
    ///
    /// # Errors
    ///
    /// What the original raises.
    pub fn proceed_as(&self, args: &Bound<'py, PyTuple>, kwargs: Option<&Bound<'py, PyDict>>) -> PyResult<Py<PyAny>> {
        let outcome = self.wrapped.call(args, kwargs).map(Bound::unbind);
        let py = self.py();
        self.outcome.replace(Some(match &outcome {
            Ok(value) => Ok(value.clone_ref(py)),
            Err(error) => Err(error.clone_ref(py)),
        }));
        outcome
    }
}

impl Wrapper {
    /// What goes in the place of `found`, and the wrapper in it: a static or class method stays one.
    pub(super) fn around<'py>(
        found: &Bound<'py, PyAny>,
        hook: Hook,
        place: &'static str,
    ) -> PyResult<(Py<PyAny>, Py<Self>)> {
        let py = found.py();
        let builtins = py.import("builtins")?;
        for name in ["staticmethod", "classmethod"] {
            let kind = builtins.getattr(name)?;
            if found.get_type().is(&kind) {
                let wrapper = Py::new(py, Self::new(found.getattr("__func__")?.unbind(), hook, place))?;
                return Ok((kind.call1((&wrapper,))?.unbind(), wrapper));
            }
        }
        let wrapper = Py::new(py, Self::new(found.clone().unbind(), hook, place))?;
        Ok((wrapper.clone_ref(py).into_any(), wrapper))
    }

    fn new(wrapped: Py<PyAny>, hook: Hook, place: &'static str) -> Self {
        Self { wrapped, hook, place, active: AtomicBool::new(true) }
    }

    /// Makes the wrapper a pass-through for good.
    pub(super) fn switch_off(&self) {
        self.active.store(false, Ordering::Relaxed);
    }

    pub(super) fn wrapped(&self) -> &Py<PyAny> {
        &self.wrapped
    }
}

static METHOD_TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

#[guarded]
#[pymethods]
impl Wrapper {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(&self, args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyAny>> {
        let py = args.py();
        let wrapped = self.wrapped.bind(py);
        if !self.active.load(Ordering::Relaxed) {
            return wrapped.call(args, kwargs).map(Bound::unbind);
        }
        let call = Call { wrapped, args, kwargs, outcome: RefCell::new(None) };
        match guard(self.place, || (self.hook)(&call)) {
            Some(result) => result,
            // The hook panicked: what the original did stands, and if it was not reached it is called bare.
            None => match call.outcome.take() {
                Some(outcome) => outcome,
                None => wrapped.call(args, kwargs).map(Bound::unbind),
            },
        }
    }

    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: Option<&Bound<'py, PyAny>>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = owner;
        match instance {
            None => Ok(slf.clone().into_any()),
            Some(instance) => once::import(&METHOD_TYPE, slf.py(), "types", "MethodType")?.call1((slf, instance)),
        }
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr(name)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.wrapped.bind(py).repr()?.to_string_lossy().into_owned())
    }

    /// Functions pickle by reference, and so does this.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr("__qualname__")
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.wrapped.clone_ref(py)
    }

    #[getter]
    fn __name__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr("__name__")
    }

    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr("__qualname__")
    }

    #[getter]
    fn __module__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr("__module__")
    }

    #[getter]
    fn __doc__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr("__doc__")
    }
}
