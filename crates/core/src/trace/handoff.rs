//! A call whose work is done elsewhere, in another thread or on an event loop: a span around the call that tells the wait
//! from the run.
//!
//! The span belongs to the calling side, which starts and ends it. The other side makes it current while it works, and
//! notes when it began and ended; it may go on when the call has been given up, and changes nothing any more then.
//!
//! A call outside of any span is not measured. It may be the one in which the instrumentation of a server starts the span
//! of a request, and that takes what is current for its parent, in place of the one that came with the request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use otel_rs_abi::{KeyValue, SpanKind};
use pyo3::exceptions::PyBaseException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::in_span::with_span;
use super::{Span, SpanBuilder, Tracer};
use crate::coroutine::{Coroutine, CoroutineObserver, within};
use crate::guard::{self, Swallow, guard, guarded};
use crate::log::Level;
use crate::{context, log};

/// What the spans of such calls are like.
#[derive(Clone, Copy, Debug)]
pub struct HandoffKind {
    /// Attribute with the time until the other side began, in seconds.
    pub wait_duration: &'static str,
    /// Attribute with the time that the other side worked, in seconds. Absent if it has not finished.
    pub run_duration: &'static str,
}

/// One call that is handed over.
pub struct Handoff {
    tracer: Arc<Tracer>,
    kind: HandoffKind,
    name: String,
    attributes: Vec<KeyValue<'static>>,
    call: OnceLock<(Span, Instant)>,
    waited: Stopwatch,
    ran: Stopwatch,
}

/// A duration that the other side notes once, in nanoseconds.
struct Stopwatch(AtomicU64);

impl Stopwatch {
    const UNSET: u64 = u64::MAX;

    fn set(&self, duration: Duration) {
        self.0.store(u64::try_from(duration.as_nanos()).unwrap_or(Self::UNSET), Ordering::Release);
    }

    fn get(&self) -> Option<Duration> {
        let nanoseconds = self.0.load(Ordering::Acquire);
        (nanoseconds != Self::UNSET).then(|| Duration::from_nanos(nanoseconds))
    }
}

impl Handoff {
    /// A call that has not begun.
    pub fn new(tracer: &Arc<Tracer>, kind: HandoffKind, name: String, attributes: Vec<KeyValue<'static>>) -> Arc<Self> {
        let unset = || Stopwatch(AtomicU64::new(Stopwatch::UNSET));
        let tracer = Arc::clone(tracer);
        Arc::new(Self { tracer, kind, name, attributes, call: OnceLock::new(), waited: unset(), ran: unset() })
    }

    /// Makes a call that waits for the other side.
    ///
    /// # Errors
    ///
    /// What `body` raises, and what a provider raises that is no `Exception`.
    pub fn around<'py, T>(&self, py: Python<'py>, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
        let inside = self.start(py);
        let result = guard::check().and_then(|()| match inside {
            Some(inside) => within(inside, body),
            None => body(),
        });
        // The exception has its traceback then, which before Python 3.12 it has only once it has been caught.
        let error = result.as_ref().err().map(|error| error.clone_ref(py).into_value(py).into_bound(py));
        self.finish(py, error.as_ref());
        result
    }

    /// The coroutine of a call, which waits for the other side in its steps.
    ///
    /// # Errors
    ///
    /// What making the object raises.
    pub fn around_coroutine(self: &Arc<Self>, coroutine: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Coroutine::wrap(coroutine, Box::new(CallingSide(Arc::clone(self))))
    }

    /// `function` as the other side is to call it.
    ///
    /// # Errors
    ///
    /// What making the object raises.
    pub fn function(self: &Arc<Self>, function: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.handed_over(function, false)
    }

    /// `function`, which returns an awaitable, as the other side is to call and await it.
    ///
    /// # Errors
    ///
    /// What making the object raises.
    pub fn async_function(self: &Arc<Self>, function: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.handed_over(function, true)
    }

    fn handed_over(self: &Arc<Self>, function: &Bound<'_, PyAny>, is_async: bool) -> PyResult<Py<PyAny>> {
        let handed_over = HandedOver { handoff: Arc::clone(self), function: function.clone().unbind(), is_async };
        Ok(Py::new(function.py(), handed_over)?.into_any())
    }

    /// Starts the span, if another one is current; the context that comes back has it.
    fn start<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let start = || -> PyResult<_> {
            let context = context::current(py)?;
            if context::span_in(&context)?.is_none() {
                return Ok(None);
            }
            let span = self.tracer.start(
                py,
                &SpanBuilder {
                    name: &self.name,
                    kind: SpanKind::Internal,
                    start_time_ns: None,
                    remote_parent: None,
                    context: &context,
                    attributes: &self.attributes,
                },
            )?;
            let inside = with_span(&span, &context);
            // It ends with the call, whether it is current meanwhile or not.
            let _ = self.call.set((span, Instant::now()));
            inside.map(Some)
        };
        start().unwrap_or_else(|error| {
            let message = format!("a call was not traced ({})", self.name);
            log::raised_once(py, Level::Warning, &self.name, &error, &message);
            None
        })
    }

    /// Ends the span, with the exception that the call raised.
    fn finish(&self, py: Python<'_>, error: Option<&Bound<'_, PyBaseException>>) {
        let Some((span, started)) = self.call.get() else { return };
        let waited = self.waited.get().unwrap_or_else(|| started.elapsed());
        let mut attributes = vec![KeyValue::new(self.kind.wait_duration, waited.as_secs_f64())];
        if let Some(ran) = self.ran.get() {
            attributes.push(KeyValue::new(self.kind.run_duration, ran.as_secs_f64()));
        }
        span.set_attributes(py, &attributes);
        if let Some(error) = error {
            span.record_error(error);
        }
        span.end(py, None);
    }

    /// The other side begins. A context comes back if the span is not current there, as where the application has said
    /// in which context its function runs.
    fn begin<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let (span, started) = self.call.get()?;
        self.waited.set(started.elapsed());
        let context = context::current(py).swallow(py)?;
        match context::span_in(&context).swallow(py).flatten() {
            Some(current) if current.is(span.object(py)) => None,
            _ => with_span(span, &context).swallow(py),
        }
    }

    /// The other side has ended.
    fn end(&self) {
        if let (Some((_, started)), Some(waited)) = (self.call.get(), self.waited.get()) {
            self.ran.set(started.elapsed().saturating_sub(waited));
        }
    }
}

/// The coroutine of the caller.
struct CallingSide(Arc<Handoff>);

impl CoroutineObserver for CallingSide {
    fn start(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.start(py).map(Bound::unbind)
    }

    fn finish(&self, py: Python<'_>, error: Option<&Bound<'_, PyBaseException>>) {
        self.0.finish(py, error);
    }
}

/// A coroutine on the other side.
struct OtherSide(Arc<Handoff>);

impl CoroutineObserver for OtherSide {
    fn start(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.0.begin(py).map(Bound::unbind)
    }

    fn finish(&self, _py: Python<'_>, _error: Option<&Bound<'_, PyBaseException>>) {
        self.0.end();
    }
}

/// The function on the other side.
#[guarded]
#[pyclass(frozen, module = "otel_rs")]
struct HandedOver {
    handoff: Arc<Handoff>,
    function: Py<PyAny>,
    is_async: bool,
}

#[guarded]
#[pymethods]
impl HandedOver {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = args.py();
        let function = self.function.bind(py);
        if self.is_async {
            let awaitable = function.call(args, kwargs)?;
            // What cannot be awaited is left to raise what it raises.
            let observed = guard("a function handed over", || {
                let awaits = awaitable.hasattr(intern!(py, "__await__")).swallow(py).unwrap_or(false);
                let other_side = || Box::new(OtherSide(Arc::clone(&self.handoff)));
                awaits.then(|| Coroutine::wrap(&awaitable, other_side()).swallow(py))
            });
            return Ok(observed.flatten().flatten().map_or(awaitable, |observed| observed.into_bound(py)));
        }
        let inside = guard("a function handed over", || self.handoff.begin(py)).flatten();
        let result = match inside {
            Some(inside) => within(inside, || function.call(args, kwargs)),
            None => function.call(args, kwargs),
        };
        self.handoff.end();
        result
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}
