//! The callable that stands in for a patched function.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::basic::CompareOp;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::binding::{self, Binding};
use super::{Hook, reference};
use crate::guard::{guard, guarded};
use crate::once;

// A function of the library with a hook around it.
//
// It passes for what it wraps: it says to be of that class, binds, compares, pickles and takes attributes as that does,
// and shows its name, documentation, signature, code and namespace. Only `type()` tells them apart. It calls straight
// through once it is switched off.
#[expect(missing_docs, reason = "a documented class would show its own documentation, not that of what it wraps")]
#[guarded]
#[pyclass(frozen, weakref, module = "otel_rs")]
pub struct Wrapper {
    wrapped: Py<PyAny>,
    hook: Hook,
    place: Where,
    binding: Binding,
    /// Of what has been bound in a way of its own: to what. The hook sees it as the first argument.
    receiver: Option<Py<PyAny>>,
    active: Arc<AtomicBool>,
}

/// The place of a patch point, `module:path`; of a method of a subclass only its name is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Where {
    pub module: Option<&'static str>,
    pub path: &'static str,
}

/// A call of a patched function, as its hook sees it.
pub struct Call<'a, 'py> {
    /// The original.
    wrapped: &'a Bound<'py, PyAny>,
    /// Whether the original is bound to the first argument already.
    is_bound: bool,
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
        let outcome = match self.is_bound {
            false => self.wrapped.call(args, kwargs).map(Bound::unbind),
            true => self.wrapped.call(args.get_slice(1, args.len()), kwargs).map(Bound::unbind),
        };
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
    pub(super) fn around<'py>(found: &Bound<'py, PyAny>, hook: Hook, place: Where) -> PyResult<(Py<PyAny>, Py<Self>)> {
        let py = found.py();
        let builtins = py.import("builtins")?;
        for name in ["staticmethod", "classmethod"] {
            let kind = builtins.getattr(name)?;
            if found.get_type().is(&kind) {
                let wrapper = Py::new(py, Self::new(&found.getattr("__func__")?, hook, place)?)?;
                return Ok((kind.call1((&wrapper,))?.unbind(), wrapper));
            }
        }
        let wrapper = Py::new(py, Self::new(found, hook, place)?)?;
        Ok((wrapper.clone_ref(py).into_any(), wrapper))
    }

    fn new(wrapped: &Bound<'_, PyAny>, hook: Hook, place: Where) -> PyResult<Self> {
        Ok(Self {
            wrapped: wrapped.clone().unbind(),
            hook,
            place,
            binding: Binding::of(wrapped)?,
            receiver: None,
            active: Arc::new(AtomicBool::new(true)),
        })
    }

    /// The same around `bound`, which is what `self` wraps after it has been bound to `receiver`.
    fn around_bound<'py>(
        &self,
        bound: &Bound<'py, PyAny>,
        receiver: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let wrapper = Self {
            wrapped: bound.clone().unbind(),
            hook: self.hook,
            place: self.place,
            binding: Binding::of(bound)?,
            receiver: receiver.map(Bound::unbind),
            active: Arc::clone(&self.active),
        };
        Bound::new(bound.py(), wrapper)
    }

    /// Makes the wrapper a pass-through for good.
    pub(super) fn switch_off(&self) {
        self.active.store(false, Ordering::Relaxed);
    }

    pub(super) fn wrapped(&self) -> &Py<PyAny> {
        &self.wrapped
    }

    pub(super) fn place(&self) -> Where {
        self.place
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
        let with_receiver = match &self.receiver {
            None => None,
            Some(receiver) => {
                Some((receiver,).into_pyobject(py)?.as_sequence().concat(args.as_sequence())?.to_tuple()?)
            }
        };
        let args_of_hook = with_receiver.as_ref().unwrap_or(args);
        let is_bound = with_receiver.is_some();
        let call = Call { wrapped, is_bound, args: args_of_hook, kwargs, outcome: RefCell::new(None) };
        match guard(self.place.path, || (self.hook)(&call)) {
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
        // Before 3.13 CPython borrows a special method (`__call__`) while it binds it. What the garbage collector runs
        // meanwhile lets another thread take this wrapper off its class.
        let slf = &slf.clone();
        let py = slf.py();
        match (&slf.get().binding, instance) {
            (Binding::Function, Some(instance)) => {
                once::import(&METHOD_TYPE, py, "types", "MethodType")?.call1((slf, instance))
            }
            (Binding::Function, None) | (Binding::Never, _) => Ok(slf.clone().into_any()),
            (Binding::OfItsOwn, instance) => {
                let wrapped = slf.get().wrapped.bind(py);
                let bound = wrapped.get_type().getattr("__get__")?.call1((wrapped, instance, owner))?;
                match bound.is(wrapped) {
                    true => Ok(slf.clone().into_any()),
                    false => {
                        let receiver = binding::receiver(wrapped, instance, owner)?;
                        Ok(slf.get().around_bound(&bound, receiver)?.into_any())
                    }
                }
            }
        }
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr(name)
    }

    /// An attribute is one of the function, as without us, and stays when the wrapper goes.
    fn __setattr__(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.wrapped.bind(name.py()).setattr(name, value)
    }

    fn __delattr__(&self, name: &Bound<'_, PyString>) -> PyResult<()> {
        self.wrapped.bind(name.py()).delattr(name)
    }

    /// The same function is in the place that was patched and in others.
    fn __eq__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        let other = other.cast::<Self>().map_or(other, |other| other.get().wrapped.bind(py));
        self.wrapped.bind(py).rich_compare(other, CompareOp::Eq)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.wrapped.bind(py).hash()
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.wrapped.bind(py).repr()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        match slf.get().receiver {
            None => reference::to(slf),
            Some(_) => slf.get().wrapped.bind(slf.py()).call_method1("__reduce_ex__", (2,)),
        }
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    /// Classes that are called like functions are wrapped too, and someone may derive from them.
    fn __mro_entries__(&self, py: Python<'_>, _bases: &Bound<'_, PyAny>) -> PyResult<(Py<PyAny>,)> {
        Ok((self.wrapped.clone_ref(py),))
    }

    fn __instancecheck__(&self, instance: &Bound<'_, PyAny>) -> PyResult<bool> {
        instance.is_instance(self.wrapped.bind(instance.py()))
    }

    fn __subclasscheck__(&self, class: &Bound<'_, PyAny>) -> PyResult<bool> {
        let builtins = class.py().import("builtins")?;
        builtins.getattr("issubclass")?.call1((class, &self.wrapped))?.is_truthy()
    }

    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped.bind(py).getattr("__class__")
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

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.wrapped)?;
        visit.call(&self.receiver)
    }
}
