//! A coroutine around another one, with an observer that sees it start and finish.
//!
//! Whoever drives it (an event loop's task, an `await`) drives what is inside, step by step. Values, exceptions and
//! cancellation pass through as they are, and in debug output and to introspection it looks like what is inside.

mod contexts;

use std::sync::{Mutex, PoisonError};

use crate::once;
use pyo3::exceptions::{PyBaseException, PyGeneratorExit, PyRuntimeError, PyStopIteration};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::iterator::PySendResult;
use pyo3::types::{PyIterator, PyTuple};

use crate::guard::{self, Swallow, guard, guarded};
use contexts::Contexts;
pub(crate) use contexts::within;

/// What looks on while a coroutine runs. It cannot change what the coroutine does: a panic in it is logged, and the
/// coroutine goes on unobserved.
pub trait CoroutineObserver: Send + Sync {
    /// The coroutine is about to take its first step. The context that comes back, a Python `Context`, is current in
    /// each step and not between them.
    fn start(&self, py: Python<'_>) -> Option<Py<PyAny>>;

    /// The coroutine has returned, or raised `error`. Called once for each one that has started: one that was closed or
    /// dropped before its end has raised `GeneratorExit`.
    fn finish(&self, py: Python<'_>, error: Option<&Bound<'_, PyBaseException>>);

    /// Shows the collector of garbage the Python objects that this holds. An object that may hold the coroutine must be
    /// shown, or neither is ever freed.
    ///
    /// # Errors
    ///
    /// What `visit` says.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let _ = visit;
        Ok(())
    }
}

/// A coroutine with an observer. One that never starts is not observed, and what is inside warns of it as ever.
// The class says of itself what the one inside says, so that `inspect.iscoroutine` holds for this one too.
#[pyclass(frozen, weakref, module = "otel_rs")]
pub struct Coroutine {
    inner: Py<PyAny>,
    /// Whether `inner` has the methods of a coroutine; what is merely awaitable is asked for its iterator.
    is_coroutine: bool,
    observer: Box<dyn CoroutineObserver>,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// The iterator of what is merely awaitable, from the first step on.
    iterator: Option<Py<PyAny>>,
    /// There if the observer wants a context of its own.
    contexts: Option<Contexts>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Created,
    Executing,
    Suspended,
    /// Returned, raised or closed, or ended before it could start: nothing is left to observe.
    Over,
}

impl Coroutine {
    /// Wraps a coroutine or any other awaitable.
    ///
    /// # Errors
    ///
    /// What making the object raises.
    pub fn wrap(inner: &Bound<'_, PyAny>, observer: Box<dyn CoroutineObserver>) -> PyResult<Py<PyAny>> {
        let py = inner.py();
        let is_coroutine = is_native(inner)?
            || (inner.hasattr(intern!(py, "send"))?
                && inner.hasattr(intern!(py, "throw"))?
                && inner.hasattr(intern!(py, "close"))?);
        let state = State { phase: Phase::Created, iterator: None, contexts: None };
        let coroutine = Self { inner: inner.clone().unbind(), is_coroutine, observer, state: Mutex::new(state) };
        Ok(Py::new(py, coroutine)?.into_any())
    }

    fn state<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        body(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs one step, observed unless the coroutine is over or is executing already (which the one inside refuses).
    fn step<'py>(
        &self,
        py: Python<'py>,
        body: impl FnOnce() -> PyResult<PySendResult<'py>>,
    ) -> PyResult<PySendResult<'py>> {
        let phase = self.state(|state| match state.phase {
            Phase::Created | Phase::Suspended => std::mem::replace(&mut state.phase, Phase::Executing),
            unobserved => unobserved,
        });
        match phase {
            Phase::Created => self.start(py),
            Phase::Suspended => (),
            Phase::Executing | Phase::Over => return body(),
        }
        let result = match guard::check() {
            // It came out of the observer, and ends the coroutine as if it came before the step.
            Err(interrupt) => self.close_steps(py).and(Err(interrupt)),
            Ok(()) => self.in_context(py, body),
        };
        match &result {
            Ok(PySendResult::Next(_)) => self.state(|state| state.phase = Phase::Suspended),
            Ok(PySendResult::Return(_)) => self.finish(py, None),
            Err(error) => self.finish(py, Some(error)),
        }
        result
    }

    fn start(&self, py: Python<'_>) {
        let contexts = guard("the start of a coroutine", || {
            self.observer.start(py).and_then(|inside| Contexts::new(inside.into_bound(py)).swallow(py))
        });
        if let Some(Some(contexts)) = contexts {
            drop(self.state(|state| state.contexts.replace(contexts)));
        }
    }

    fn finish(&self, py: Python<'_>, error: Option<&PyErr>) {
        let contexts = self.state(|state| {
            state.phase = Phase::Over;
            state.contexts.take()
        });
        drop(contexts);
        guard("the end of a coroutine", || {
            // The exception has its traceback then, which before Python 3.12 it has only once it has been caught.
            let exception = error.map(|error| error.clone_ref(py).into_value(py).into_bound(py));
            self.observer.finish(py, exception.as_ref());
        });
    }

    fn in_context<T>(&self, py: Python<'_>, body: impl FnOnce() -> T) -> T {
        let Some(contexts) = self.state(|state| state.contexts.take()) else { return body() };
        let entered = guard("attach", || contexts.enter(py).swallow(py)).flatten();
        let result = body();
        if let Some(entered) = entered {
            let contexts = guard("detach", || entered.leave(py).swallow(py)).flatten();
            drop(self.state(|state| std::mem::replace(&mut state.contexts, contexts)));
        }
        result
    }

    /// What is stepped.
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.is_coroutine {
            return Ok(self.inner.bind(py).clone());
        }
        if let Some(iterator) = self.state(|state| state.iterator.as_ref().map(|iterator| iterator.clone_ref(py))) {
            return Ok(iterator.into_bound(py));
        }
        let iterator = self.inner.bind(py).call_method0(intern!(py, "__await__"))?;
        drop(self.state(|state| state.iterator.replace(iterator.clone().unbind())));
        Ok(iterator)
    }

    fn resume<'py>(&self, py: Python<'py>, value: &Bound<'py, PyAny>) -> PyResult<PySendResult<'py>> {
        self.step(py, || {
            let steps = self.steps(py)?;
            // SAFETY: `send` makes no use of the type but to call `PyIter_Send`, which takes any object.
            unsafe { steps.cast_unchecked::<PyIterator>() }.send(value)
        })
    }

    /// Ends a coroutine that never started: it is not observed any more.
    fn never_starts(&self) -> bool {
        self.state(|state| {
            let created = state.phase == Phase::Created;
            if created {
                state.phase = Phase::Over;
            }
            created
        })
    }

    fn close_steps(&self, py: Python<'_>) -> PyResult<()> {
        let steps = match self.is_coroutine {
            true => Some(self.inner.clone_ref(py)),
            false => self.state(|state| state.iterator.as_ref().map(|iterator| iterator.clone_ref(py))),
        };
        match steps.map(|steps| steps.into_bound(py).getattr_opt(intern!(py, "close"))).transpose()?.flatten() {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        }
    }

    /// Closes a coroutine that has started.
    fn close_started(&self, py: Python<'_>) -> PyResult<()> {
        let closed = self.step(py, || {
            self.close_steps(py)?;
            Err(PyGeneratorExit::new_err(()))
        });
        match closed {
            Err(error) if !error.is_instance_of::<PyGeneratorExit>(py) => Err(error),
            _ => Ok(()),
        }
    }
}

/// What a step that ended by returning `value` raises: the value is the exception's only argument, whatever it is.
fn stop_iteration(value: &Bound<'_, PyAny>) -> PyErr {
    PyStopIteration::new_err((value.clone().unbind(),))
}

/// Whether this is a coroutine of the interpreter's own.
///
/// # Errors
///
/// What importing `types` raises.
pub fn is_native(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    static COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    Ok(object.get_type().is(once::import(&COROUTINE, object.py(), "types", "CoroutineType")?))
}

#[guarded]
#[pymethods]
impl Coroutine {
    fn __await__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        // `await` sees this of a coroutine of the interpreter's before it asks for anything.
        let suspended = slf.get().state(|state| state.phase == Phase::Suspended);
        if suspended && is_native(slf.get().inner.bind(slf.py()))? {
            return Err(PyRuntimeError::new_err("coroutine is being awaited already"));
        }
        Ok(slf)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.resume(py, py.None().bind(py))? {
            PySendResult::Next(value) => Ok(Some(value)),
            PySendResult::Return(value) if value.is_none() => Ok(None),
            PySendResult::Return(value) => Err(stop_iteration(&value)),
        }
    }

    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match self.resume(value.py(), value)? {
            PySendResult::Next(value) => Ok(value),
            PySendResult::Return(value) => Err(stop_iteration(&value)),
        }
    }

    #[pyo3(signature = (*args))]
    fn throw<'py>(&self, args: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let throw = || match self.steps(py)?.getattr_opt(intern!(py, "throw"))? {
            Some(throw) => throw.call1(args),
            None => Err(PyErr::from_value(args.get_item(0)?)),
        };
        if self.never_starts() {
            // What is merely awaitable is not even asked for its iterator.
            return if self.is_coroutine { throw() } else { Err(PyErr::from_value(args.get_item(0)?)) };
        }
        let result = self.step(py, || match throw() {
            Ok(value) => Ok(PySendResult::Next(value)),
            Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                Ok(PySendResult::Return(error.value(py).getattr(intern!(py, "value"))?))
            }
            Err(error) => Err(error),
        });
        match result? {
            PySendResult::Next(value) => Ok(value),
            PySendResult::Return(value) => Err(stop_iteration(&value)),
        }
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.never_starts() {
            return self.close_steps(py);
        }
        self.close_started(py)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(py).getattr(name.cast()?)
    }

    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(py).getattr(intern!(py, "__class__"))
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.inner.bind(py).repr().map(Bound::into_any)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.inner)?;
        self.observer.traverse(&visit)?;
        // The lock is never held while Python code runs, so a collection finds it free.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        visit.call(&state.iterator)?;
        state.contexts.as_ref().map_or(Ok(()), |contexts| contexts.traverse(&visit))
    }
}

impl Drop for Coroutine {
    /// Closes what has started and not finished, as the interpreter does with a coroutine that nobody holds any more.
    fn drop(&mut self) {
        // What it holds is dropped after this, outside of the guard.
        guard::enter();
        if self.state(|state| state.phase) != Phase::Suspended {
            return;
        }
        guard("Coroutine.drop", || {
            Python::try_attach(|py| {
                // It may be dropped while an exception is under way, which no call may see or lose.
                let pending = PyErr::take(py);
                if let Err(error) = self.close_started(py) {
                    error.write_unraisable(py, Some(self.inner.bind(py)));
                }
                if let Some(pending) = pending {
                    pending.restore(py);
                }
            });
        });
    }
}
