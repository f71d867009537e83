//! The making of a bridge between synchronous and asynchronous code: a span with the stack that made it.

use otel_rs_abi::{KeyValue, Value};
use otel_rs_core::patch::Call;
use otel_rs_core::stack::Stack;
use otel_rs_core::trace::{Span, SpanKind};
use pyo3::prelude::*;

use crate::settings::{ACTIVE, Settings};

/// Around `asgiref.sync.async_to_sync`.
pub(crate) fn async_to_sync(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    make(call, "asgiref.sync.async_to_sync")
}

/// Around `asgiref.sync.sync_to_async`.
pub(crate) fn sync_to_async(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    make(call, "asgiref.sync.sync_to_async")
}

fn make(call: &Call<'_, '_>, name: &'static str) -> PyResult<Py<PyAny>> {
    let py = call.py();
    let Some(settings) = ACTIVE.get() else { return call.proceed() };
    settings.tracer.in_span(py, name, SpanKind::Internal, &[], |span| {
        if let Some(span) = span {
            note_stack(py, span, &settings, name)?;
        }
        call.proceed()
    })
}

/// Who makes the bridge, as an event under the names of an exception.
fn note_stack(py: Python<'_>, span: &Span, settings: &Settings, name: &'static str) -> PyResult<()> {
    if span.is_recording() {
        let stack = Stack::capture(py, settings.stacktrace_limit)?;
        let frames = stack.to_abi();
        let attributes = [
            KeyValue::new("exception.type", name),
            KeyValue::new("exception.stacktrace", Value::stack(&frames)),
            KeyValue::new("exception.escaped", "False"),
        ];
        span.add_event(py, "exception", &attributes);
    }
    Ok(())
}
