//! A span around a call.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::once;
use otel_rs_abi::{KeyValue, SpanKind};
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::{Span, SpanBuilder, Tracer};
use crate::context::{self, ContextValues};
use crate::coroutine::{Coroutine, CoroutineObserver};
use crate::guard::{self, Swallow};
use crate::log::{self, Level};

impl Tracer {
    /// Runs `body` inside a new span, a child of the current one: it is current while `body` runs, an exception is
    /// recorded on it, and what `body` returns or raises is passed on.
    ///
    /// If `body` returns a coroutine (it called an `async def` function), the span lasts until the coroutine has
    /// finished, and is current in its steps. A generator does its work after `body`, and has no span around that.
    ///
    /// `body` gets the span, for attributes; without one it runs all the same, because the provider raised.
    ///
    /// # Errors
    ///
    /// What `body` raises, and what a provider raises that is no `Exception`.
    pub fn in_span(
        &self,
        py: Python<'_>,
        name: &str,
        kind: SpanKind,
        attributes: &[KeyValue<'_>],
        body: impl FnOnce(Option<&Span>) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let started = context::current(py).and_then(|context| {
            let builder =
                SpanBuilder { name, kind, start_time_ns: None, remote_parent: None, context: &context, attributes };
            Ok((self.start(py, &builder)?, context))
        });
        let (span, context) = match started {
            Ok(started) => started,
            Err(error) if !error.is_instance_of::<PyException>(py) => return Err(error),
            Err(error) => {
                let message = format!("a call of {name} was not traced");
                log::raised_once(py, Level::Warning, name, &error, &message);
                return body(None);
            }
        };
        let token = with_span(&span, &context).and_then(|inside| context::attach(&inside)).swallow(py);
        let result = guard::check().and_then(|()| body(Some(&span)));
        if let Some(token) = token {
            context::detach(py, token);
        }
        match result {
            Ok(value) if is_coroutine(value.bind(py)) => Ok(until_finished(value.into_bound(py), span)),
            Ok(value) => {
                span.end(py, None);
                Ok(value)
            }
            Err(error) => {
                // The exception has its traceback then, which before Python 3.12 it has only once it has been caught.
                span.record_error(error.clone_ref(py).into_value(py).bind(py));
                span.end(py, None);
                Err(error)
            }
        }
    }
}

/// `context` with that span as the current one.
pub(super) fn with_span<'py>(span: &Span, context: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = context.py();
    context::derive(py, Some(context), ContextValues { span: Some(span.object(py)), ..ContextValues::default() })
}

fn is_coroutine(value: &Bound<'_, PyAny>) -> bool {
    static COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let is_coroutine = || value.is_instance(once::import(&COROUTINE, value.py(), "types", "CoroutineType")?);
    is_coroutine().swallow(value.py()).unwrap_or(false)
}

/// The coroutine with the span around it; as it is if that cannot be.
fn until_finished(coroutine: Bound<'_, PyAny>, span: Span) -> Py<PyAny> {
    let observer = Box::new(SpanAround { span, ended: AtomicBool::new(false) });
    Coroutine::wrap(&coroutine, observer).swallow(coroutine.py()).unwrap_or_else(|| coroutine.unbind())
}

/// Ends a span with its coroutine.
struct SpanAround {
    span: Span,
    ended: AtomicBool,
}

impl CoroutineObserver for SpanAround {
    fn start(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let inside = context::current(py).and_then(|outside| with_span(&self.span, &outside));
        inside.map(Bound::unbind).swallow(py)
    }

    fn finish(&self, py: Python<'_>, error: Option<&Bound<'_, PyBaseException>>) {
        if let Some(error) = error {
            self.span.record_error(error);
        }
        self.end(py);
    }
}

impl SpanAround {
    fn end(&self, py: Python<'_>) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.span.end(py, None);
        }
    }
}

impl Drop for SpanAround {
    /// A coroutine that never started was given up.
    fn drop(&mut self) {
        Python::try_attach(|py| {
            // As when any object goes, an exception may be under way.
            let pending = PyErr::take(py);
            self.end(py);
            if let Some(pending) = pending {
                pending.restore(py);
            }
        });
    }
}
