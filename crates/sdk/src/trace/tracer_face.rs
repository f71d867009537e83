//! The native side of `otel_rs_sdk.Tracer`.

use std::borrow::Cow;
use std::sync::Arc;

use otel_rs_core::guard::{Swallow, guarded};
use otel_rs_pipeline::trace::SpanKind;
use pyo3::prelude::*;

use super::event::InstrumentationScope;
use super::provider::TracerProvider;
use super::span::OnException;
use super::{AttributeSource, NewSpan, Span, TracerState, context, tracer};
use crate::api::api;
use crate::attributes;

/// A tracer. `otel_rs_sdk.Tracer` adds the rest of the Python API.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeTracer", frozen, subclass)]
pub struct Tracer {
    state: Arc<TracerState>,
}

#[guarded]
#[pymethods]
impl Tracer {
    #[new]
    #[pyo3(signature = (provider, name, version, schema_url, attributes))]
    fn new(
        provider: &Bound<'_, TracerProvider>,
        name: &Bound<'_, PyAny>,
        version: &Bound<'_, PyAny>,
        schema_url: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
    ) -> Self {
        let scope = attributes::scope(name, version, schema_url, attributes);
        Self { state: Arc::new(TracerState::new(Arc::clone(&provider.get().state), scope)) }
    }

    /// The scope of the tracer.
    #[getter]
    fn instrumentation_scope(&self) -> InstrumentationScope {
        InstrumentationScope(Arc::clone(&self.state.scope))
    }

    /// The provider whose parts it uses.
    #[getter]
    fn _provider(&self) -> TracerProvider {
        TracerProvider { state: Arc::clone(&self.state.provider) }
    }

    /// Starts a span, as `opentelemetry.trace.Tracer.start_span`.
    #[pyo3(signature = (
        name, context=None, kind=None, attributes=None, links=None, start_time=None, record_exception=true,
        set_status_on_exception=true,
    ))]
    #[allow(clippy::too_many_arguments, reason = "the signature is the API's")]
    fn start_span<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        context: Option<&Bound<'py, PyAny>>,
        kind: Option<&Bound<'py, PyAny>>,
        attributes: Option<&Bound<'py, PyAny>>,
        links: Option<&Bound<'py, PyAny>>,
        start_time: Option<&Bound<'py, PyAny>>,
        #[pyo3(from_py_with = truth)] record_exception: bool,
        #[pyo3(from_py_with = truth)] set_status_on_exception: bool,
    ) -> PyResult<Bound<'py, Span>> {
        let current = api(py)?.get_current_span.bind(py).call1((context,))?;
        let new = NewSpan {
            name: Cow::Owned(attributes::display(name)),
            kind: kind.map_or(SpanKind::Internal, span_kind),
            parent: context::from_span(&current)?,
            parent_context: context,
            attributes: AttributeSource::Python(attributes),
            links,
            start_ns: start_time.and_then(time_ns),
            on_exception: OnException { record: record_exception, set_status: set_status_on_exception },
        };
        tracer::start(py, &self.state, new)
    }
}

/// Anything as a condition, as Python takes it.
fn truth(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.is_truthy()
}

/// Nanoseconds since the Unix epoch from what Python gave; `None` for `None`, what is no number and what is before it.
pub(super) fn time_ns(time: &Bound<'_, PyAny>) -> Option<u64> {
    time.extract::<u64>().swallow(time.py()).or_else(|| {
        let seconds = time.extract::<f64>().swallow(time.py())?;
        (seconds >= 0.0).then_some(seconds as u64)
    })
}

/// A kind of the API's, or what has the value of one.
fn span_kind(kind: &Bound<'_, PyAny>) -> SpanKind {
    let py = kind.py();
    let member = api(py).ok().and_then(|api| api.span_kinds.iter().position(|member| kind.is(member)));
    match member.or_else(|| kind.getattr("value").and_then(|value| value.extract()).swallow(py)) {
        Some(1) => SpanKind::Server,
        Some(2) => SpanKind::Client,
        Some(3) => SpanKind::Producer,
        Some(4) => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}
