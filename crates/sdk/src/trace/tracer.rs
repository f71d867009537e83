//! Starting spans.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use otel_rs_abi::KeyValue;
use otel_rs_core::guard::Swallow;
use otel_rs_pipeline::attributes::{AttributeLimits, Attributes};
use otel_rs_pipeline::clock;
use otel_rs_pipeline::process::PerProcess;
use otel_rs_pipeline::trace::{Origin, Scope, SpanContext, SpanKind, SpanRecord, Status, TraceFlags};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::context::trace_state_from_python;
use super::sampler::{self, Decision};
use super::span::OnException;
use super::{Span, TracerProviderState, span_read, span_type};
use crate::{abi, attributes};

/// A provider's tracer for one scope.
pub struct TracerState {
    /// The provider.
    pub provider: Arc<TracerProviderState>,
    /// The scope.
    pub scope: Arc<Scope>,
    origin: PerProcess<Arc<Origin>>,
}

impl TracerState {
    /// The tracer of a scope.
    pub fn new(provider: Arc<TracerProviderState>, scope: Scope) -> Self {
        Self { provider, scope: Arc::new(scope), origin: PerProcess::new() }
    }

    fn origin(&self) -> &Arc<Origin> {
        self.origin
            .get_or_build(|| Arc::new(Origin::new(Arc::clone(&self.scope), Arc::clone(self.provider.resource()))))
    }
}

/// The attributes that a caller starts a span with. They are read only if somebody wants them.
#[derive(Clone, Copy)]
pub enum AttributeSource<'a, 'py> {
    /// From an instrumentation.
    Abi(&'a [KeyValue<'a>]),
    /// From Python: a mapping or `None`.
    Python(Option<&'a Bound<'py, PyAny>>),
}

impl<'py> AttributeSource<'_, 'py> {
    fn read(self, limits: AttributeLimits) -> Attributes {
        match self {
            Self::Abi(attributes) => abi::attributes::collect(attributes, limits),
            Self::Python(mapping) => attributes::from_mapping(mapping).into_attributes(limits),
        }
    }

    fn to_python(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Abi(list) => {
                let all = abi::attributes::collect(list, AttributeLimits::default());
                Ok(attributes::to_dict(py, &all)?.into_any())
            }
            Self::Python(mapping) => Ok(mapping.cloned().unwrap_or_else(|| py.None().into_bound(py))),
        }
    }
}

/// What a span is started with.
pub struct NewSpan<'a, 'py> {
    /// Name.
    pub name: Cow<'static, str>,
    /// Kind.
    pub kind: SpanKind,
    /// Valid parent, or `None` for a root span.
    pub parent: Option<SpanContext>,
    /// The `Context` that Python samplers and processors are shown; `None` for the current one.
    pub parent_context: Option<&'a Bound<'py, PyAny>>,
    /// Attributes.
    pub attributes: AttributeSource<'a, 'py>,
    /// Links, as Python gave them.
    pub links: Option<&'a Bound<'py, PyAny>>,
    /// Nanoseconds since the Unix epoch; `None` for now.
    pub start_ns: Option<u64>,
    /// What a `with` block does when it is left by an exception.
    pub on_exception: OnException,
}

/// Starts a span.
///
/// # Errors
///
/// Only what creating the Python object raises.
pub fn start<'py>(py: Python<'py>, tracer: &Arc<TracerState>, new: NewSpan<'_, 'py>) -> PyResult<Bound<'py, Span>> {
    let provider = &*tracer.provider;
    if provider.disabled {
        // As the API's no-op tracer: the parent's context goes on.
        let context = new.parent.unwrap_or_default();
        return span_type::create(py, Span::new(Arc::clone(tracer), context, None, new.on_exception));
    }
    let (trace_id, random) = match &new.parent {
        Some(parent) => (parent.trace_id, parent.trace_flags.contains(TraceFlags::RANDOM_TRACE_ID)),
        None => (provider.ids.trace_id(py), provider.ids.is_random(py)),
    };
    let decision = match sampler::native(&provider.sampler, new.parent.as_ref(), trace_id) {
        Ok(decision) => decision,
        Err(sampler) => ask(sampler.bind(py), trace_id, &new)?,
    };
    let trace_state = match &decision.result {
        None => new.parent.as_ref().and_then(|parent| parent.trace_state.clone()),
        Some(result) => {
            result.getattr("trace_state").and_then(|state| trace_state_from_python(&state)).swallow(py).flatten()
        }
    };
    let mut trace_flags = TraceFlags::default();
    if decision.is_sampled {
        trace_flags = trace_flags.with(TraceFlags::SAMPLED);
    }
    if random {
        trace_flags = trace_flags.with(TraceFlags::RANDOM_TRACE_ID);
    }
    let context =
        SpanContext { trace_id, span_id: provider.ids.span_id(py), trace_flags, is_remote: false, trace_state };
    let on_exception = new.on_exception;
    if !decision.is_recording {
        return span_type::create(py, Span::new(Arc::clone(tracer), context, None, on_exception));
    }
    let parent_context = new.parent_context;
    let record = record(tracer, &context, new, decision.result.as_ref());
    let span = span_type::create(py, Span::new(Arc::clone(tracer), context, Some(record), on_exception))?;
    provider.processors.on_start(&span, parent_context);
    Ok(span)
}

fn record(
    tracer: &TracerState,
    context: &SpanContext,
    new: NewSpan<'_, '_>,
    sampling_result: Option<&Bound<'_, PyAny>>,
) -> SpanRecord {
    let limits = &tracer.provider.limits;
    let attributes = match sampling_result {
        None => new.attributes.read(limits.span_attributes()),
        Some(result) => {
            let from_sampler = result.getattr("attributes").swallow(result.py());
            attributes::from_mapping(from_sampler.as_ref()).into_attributes(limits.span_attributes())
        }
    };
    let mut record = SpanRecord {
        context: context.clone(),
        parent: new.parent,
        name: new.name,
        kind: new.kind,
        start_ns: new.start_ns.unwrap_or_else(clock::now_ns),
        end_ns: None,
        attributes,
        events: VecDeque::new(),
        dropped_events: 0,
        links: VecDeque::new(),
        dropped_links: 0,
        status: Status::default(),
        origin: Arc::clone(tracer.origin()),
        successor: Default::default(),
    };
    if let Some(links) = new.links {
        for link in super::span_write::read_links(links, limits) {
            record.add_link(link, limits);
        }
    }
    record
}

fn ask<'py>(sampler: &Bound<'py, PyAny>, trace_id: [u8; 16], new: &NewSpan<'_, 'py>) -> PyResult<Decision<'py>> {
    let py = sampler.py();
    let links = match new.links {
        Some(links) => links.clone(),
        None => PyTuple::empty(py).into_any(),
    };
    let arguments = (
        new.parent_context,
        u128::from_be_bytes(trace_id),
        new.name.as_ref(),
        span_read::kind(py, &new.kind)?,
        new.attributes.to_python(py)?,
        links,
    );
    Ok(sampler::ask(sampler, arguments))
}
