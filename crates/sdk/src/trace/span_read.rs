//! The readable side of a span: Python objects, made when asked for.

use std::sync::Arc;

use otel_rs_pipeline::attributes::Attributes;
use otel_rs_pipeline::trace::{SpanKind, Status, StatusCode, span_json};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::event::Event;
use super::{Span, context};
use crate::api::api;
use crate::attributes as python_attributes;
use crate::resource::Resource;

pub(super) fn kind<'py>(py: Python<'py>, kind: &SpanKind) -> PyResult<Bound<'py, PyAny>> {
    api(py)?.span_kind.bind(py).getattr(match kind {
        SpanKind::Internal => "INTERNAL",
        SpanKind::Server => "SERVER",
        SpanKind::Client => "CLIENT",
        SpanKind::Producer => "PRODUCER",
        SpanKind::Consumer => "CONSUMER",
    })
}

pub(super) fn status<'py>(py: Python<'py>, status: &Status) -> PyResult<Bound<'py, PyAny>> {
    let code = api(py)?.status_code.bind(py).getattr(match status.code {
        StatusCode::Unset => "UNSET",
        StatusCode::Ok => "OK",
        StatusCode::Error => "ERROR",
    })?;
    api(py)?.status.bind(py).call1((code, status.description.as_deref()))
}

pub(super) fn attributes<'py>(py: Python<'py>, span: &Span) -> PyResult<Bound<'py, PyAny>> {
    let attributes: Attributes = span.read(|record| record.attributes.clone()).unwrap_or_default();
    python_attributes::to_mapping_proxy(py, &attributes)
}

pub(super) fn events<'py>(py: Python<'py>, span: &Span) -> PyResult<Bound<'py, PyTuple>> {
    let events = span.read(|record| record.events.clone()).unwrap_or_default();
    let events = events.into_iter().map(|event| Bound::new(py, Event(event))).collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(py, events)
}

pub(super) fn links<'py>(py: Python<'py>, span: &Span) -> PyResult<Bound<'py, PyTuple>> {
    let links = span.read(|record| record.links.clone()).unwrap_or_default();
    let class = api(py)?.link.bind(py);
    let links = links
        .into_iter()
        .map(|link| {
            let attributes = python_attributes::to_mapping_proxy(py, &link.attributes)?;
            class.call1((context::to_python(py, &link.context)?, attributes))
        })
        .collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(py, links)
}

pub(super) fn resource(span: &Span) -> Resource {
    let recorded = span.read(|record| Arc::clone(&record.origin.resource));
    Resource::from_pipeline(recorded.unwrap_or_else(|| Arc::clone(span.tracer().provider.resource())))
}

/// `{}` for a span that does not record.
pub(super) fn to_json(span: &Span, indent: Option<usize>) -> String {
    span.read(|record| span_json(record, indent)).unwrap_or_else(|| "{}".to_owned())
}
