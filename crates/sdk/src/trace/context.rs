//! Span contexts between Python and the pipeline.

use std::sync::Arc;

use otel_rs_pipeline::trace::{SpanContext, TraceFlags};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;

use super::{Span, fields};
use crate::api::api;

/// The valid context of a span of any SDK; `None` if it is invalid.
///
/// # Errors
///
/// `TypeError` if what the span gives is not an `opentelemetry.trace.SpanContext`.
pub fn from_span(span: &Bound<'_, PyAny>) -> PyResult<Option<SpanContext>> {
    if let Ok(span) = span.cast::<Span>() {
        if let Some(context) = span.get().held(span.py(), fields::CONTEXT) {
            return Ok(Some(from_python(&context)?).filter(SpanContext::is_valid));
        }
        let context = span.get().context();
        return Ok(context.is_valid().then(|| context.clone()));
    }
    let api = api(span.py())?;
    // What is current where there is no span.
    if span.is(&api.invalid_span) {
        return Ok(None);
    }
    let context = span.call_method0("get_span_context")?;
    if context.is_none() {
        return Ok(None);
    }
    if !context.is_instance(api.span_context.bind(span.py()))? {
        return Err(PyTypeError::new_err("parent_span_context must be a SpanContext or None."));
    }
    Ok(Some(from_python(&context)?).filter(SpanContext::is_valid))
}

/// An `opentelemetry.trace.SpanContext`.
///
/// # Errors
///
/// What reading its fields raises. An id that does not fit its size is zero, which is no valid one.
pub fn from_python(context: &Bound<'_, PyAny>) -> PyResult<SpanContext> {
    let trace_id: u128 = within(context.getattr("trace_id")?.extract())?;
    let span_id: u64 = within(context.getattr("span_id")?.extract())?;
    // One byte of flags is all that there is on the wire.
    let trace_flags: i64 = within(context.getattr("trace_flags")?.extract())?;
    Ok(SpanContext {
        trace_id: trace_id.to_be_bytes(),
        span_id: span_id.to_be_bytes(),
        trace_flags: TraceFlags(trace_flags.to_le_bytes()[0]),
        is_remote: context.getattr("is_remote")?.is_truthy()?,
        trace_state: trace_state_from_python(&context.getattr("trace_state")?)?,
    })
}

fn within<T: Default>(number: Result<T, PyErr>) -> PyResult<T> {
    let context = number.as_ref().err().map(|error| Python::attach(|py| error.is_instance_of::<PyOverflowError>(py)));
    if context == Some(true) { Ok(T::default()) } else { number }
}

/// The header of an `opentelemetry.trace.TraceState` or `None`.
///
/// # Errors
///
/// What its `to_header` raises.
pub fn trace_state_from_python(trace_state: &Bound<'_, PyAny>) -> PyResult<Option<Arc<str>>> {
    if trace_state.is_none() || !trace_state.is_truthy()? {
        return Ok(None);
    }
    let header: String = trace_state.call_method0("to_header")?.extract()?;
    Ok((!header.is_empty()).then(|| header.into()))
}

/// As an `opentelemetry.trace.SpanContext`.
pub fn to_python<'py>(py: Python<'py>, context: &SpanContext) -> PyResult<Bound<'py, PyAny>> {
    let api = api(py)?;
    let trace_state = match &context.trace_state {
        None => api.default_trace_state.bind(py).clone(),
        Some(header) => api.trace_state_from_header.bind(py).call1(((header.as_ref(),),))?,
    };
    api.span_context.bind(py).call1((
        u128::from_be_bytes(context.trace_id),
        u64::from_be_bytes(context.span_id),
        context.is_remote,
        api.trace_flags.bind(py).call1((context.trace_flags.0,))?,
        trace_state,
    ))
}
