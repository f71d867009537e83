//! The body of a streamed response: its chunks are made in the span's context, and its end is seen once.
//!
//! What a chunk leaves current (a generator opens a span and yields inside of it) is current again in the next one and
//! nowhere else. It is attached in the server's own `contextvars.Context`, not kept in one of the body's: Flask's
//! `stream_with_context` and the generator's own tokens can be reset in no other.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyBaseException, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;

use crate::context;
use crate::guard::{self, Swallow, guard, guarded};

/// Told once how a body ended: with the exception that its iteration raised, if it raised one.
pub type BodyObserver = Box<dyn FnOnce(Python<'_>, Option<&Bound<'_, PyBaseException>>) + Send>;

/// When the application's `close()` is called. It is called once in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Close {
    /// When the server calls it.
    ByServer,
    /// When the body is exhausted or raises, if the server has not called it before: so does the stock middleware, and
    /// its suite pins it.
    AtEnd,
}

/// A WSGI response iterable around the application's. It is an iterator; whatever else the application's iterable
/// offers is offered still.
#[pyclass(frozen, subclass, weakref, module = "otel_rs")]
pub struct ResponseBody {
    iterable: Py<PyAny>,
    close: Close,
    state: Mutex<State>,
}

struct State {
    /// The span's context, then what the last chunk has left current.
    context: Py<PyAny>,
    /// Made at the first chunk, in the span's context.
    iterator: Option<Py<PyAny>>,
    observer: Option<BodyObserver>,
    closed: bool,
}

impl ResponseBody {
    /// Wraps `iterable`; the first chunk is made with `context`, a Python `Context`, current. The wrapper has a length if
    /// `iterable` has one.
    ///
    /// # Errors
    ///
    /// What making the object raises.
    pub fn wrap(
        iterable: &Bound<'_, PyAny>,
        context: Py<PyAny>,
        close: Close,
        observer: BodyObserver,
    ) -> PyResult<Py<PyAny>> {
        let py = iterable.py();
        let state = State { context, iterator: None, observer: Some(observer), closed: false };
        let body = Self { iterable: iterable.clone().unbind(), close, state: Mutex::new(state) };
        match iterable.hasattr(intern!(py, "__len__")).swallow(py).unwrap_or(false) {
            true => Ok(Py::new(py, PyClassInitializer::from(body).add_subclass(SizedResponseBody))?.into_any()),
            false => Ok(Py::new(py, body)?.into_any()),
        }
    }

    fn state<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        body(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn finish(&self, py: Python<'_>, error: Option<&PyErr>) {
        if let Some(observer) = self.state(|state| state.observer.take()) {
            // The exception has its traceback then, which before Python 3.12 it has only once it has been caught.
            let exception = error.map(|error| error.clone_ref(py).into_value(py).into_bound(py));
            guard("the end of a response body", || observer(py, exception.as_ref()));
        }
    }

    fn close_once(&self, py: Python<'_>) -> PyResult<()> {
        if self.state(|state| std::mem::replace(&mut state.closed, true)) {
            return Ok(());
        }
        self.in_context(py, || match self.iterable.bind(py).getattr_opt("close")? {
            Some(close) => close.call0().map(drop),
            None => Ok(()),
        })
    }

    fn in_context<T>(&self, py: Python<'_>, body: impl FnOnce() -> T) -> T {
        let context = self.state(|state| state.context.clone_ref(py)).into_bound(py);
        let (result, left) = context::run_in(&context, body);
        if !left.is(&context) {
            let previous = self.state(|state| std::mem::replace(&mut state.context, left.unbind()));
            drop(previous);
        }
        result
    }

    fn next_chunk<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let iterator = match self.state(|state| state.iterator.as_ref().map(|iterator| iterator.clone_ref(py))) {
            Some(iterator) => iterator.into_bound(py),
            None => {
                let iterator = self.iterable.bind(py).try_iter()?.into_any();
                drop(self.state(|state| state.iterator.replace(iterator.clone().unbind())));
                iterator
            }
        };
        iterator.call_method0("__next__")
    }
}

#[guarded]
#[pymethods]
impl ResponseBody {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let result = self.in_context(py, || self.next_chunk(py));
        if let Err(error) = &result {
            let exhausted = error.is_instance_of::<PyStopIteration>(py);
            let closed = if self.close == Close::AtEnd { self.close_once(py) } else { Ok(()) };
            self.finish(py, (!exhausted).then_some(error).or(closed.as_ref().err()));
            closed?;
        }
        result
    }

    /// Calls the application's `close()`, once, if it has one.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let result = self.close_once(py);
        self.finish(py, result.as_ref().err());
        result
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.iterable.bind(py).getattr(name)
    }
}

impl Drop for ResponseBody {
    /// A server that neither exhausts nor closes the body (a test client, say) drops it. A generator is closed by that,
    /// and resets what it has attached, so this is the last thing that it does in its context.
    fn drop(&mut self) {
        guard("ResponseBody.drop", || {
            Python::try_attach(|py| {
                // It may be dropped while an exception is under way, which no call may see or lose.
                let pending = PyErr::take(py);
                let (iterator, closed) = self.state(|state| (state.iterator.take(), state.closed));
                if !closed {
                    let iterable = std::mem::replace(&mut self.iterable, py.None());
                    self.in_context(py, || drop((iterator, iterable)));
                }
                self.finish(py, None);
                if let Some(pending) = pending {
                    pending.restore(py);
                }
            });
        });
    }
}

/// A body as it goes to the server. If an interrupt is to be raised in its place, nobody else would close it.
///
/// # Errors
///
/// What [`guard::pass_on`] has kept.
pub fn unless_interrupted(py: Python<'_>, body: Py<PyAny>) -> PyResult<Py<PyAny>> {
    let Err(interrupt) = guard::check() else { return Ok(body) };
    let close = || match body.bind(py).getattr_opt(intern!(py, "close"))? {
        Some(close) => close.call0().map(drop),
        None => Ok(()),
    };
    close().swallow(py);
    Err(interrupt)
}

/// A [`ResponseBody`] of an iterable that knows its length.
#[guarded]
#[pyclass(frozen, extends = ResponseBody, weakref, module = "otel_rs")]
struct SizedResponseBody;

#[guarded]
#[pymethods]
impl SizedResponseBody {
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        slf.as_super().get().iterable.bind(slf.py()).len()
    }
}
