//! The readable side of a span: Python objects, made when asked for.

use std::sync::Arc;

use otel_rs_pipeline::attributes::Attributes;
use otel_rs_pipeline::trace::{Link, SpanKind, SpanRecord, Status, StatusCode, span_json};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::event::{Event, InstrumentationScope};
use super::{Span, context, fields};
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
    if let Some(held) = span.held(py, fields::ATTRIBUTES) {
        let held = if held.is_none() { PyDict::new(py).into_any() } else { held };
        return api(py)?.mapping_proxy.bind(py).call1((held,));
    }
    let attributes: Attributes = span.read(|record| record.attributes.clone()).unwrap_or_default();
    python_attributes::to_mapping_proxy(py, &attributes)
}

/// The events are kept, as who reads them may write into one.
pub(super) fn events<'py>(span: &Bound<'py, Span>) -> PyResult<Bound<'py, PyTuple>> {
    kept(span, fields::EVENTS, |record| record.events.is_empty(), new_events)
}

/// The links, likewise.
pub(super) fn links<'py>(span: &Bound<'py, Span>) -> PyResult<Bound<'py, PyTuple>> {
    kept(span, fields::LINKS, |record| record.links.is_empty(), new_links)
}

/// What Python code holds as `field`, from now on if there is something to hold.
fn kept<'py>(
    span: &Bound<'py, Span>,
    field: &str,
    is_empty: impl FnOnce(&SpanRecord) -> bool,
    make: impl FnOnce(&Bound<'py, Span>) -> PyResult<Vec<Bound<'py, PyAny>>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (py, this) = (span.py(), span.get());
    let held = match this.held(py, field) {
        Some(held) => held,
        None if this.read(is_empty).unwrap_or(true) => return Ok(PyTuple::empty(py)),
        None => this.fields.held.keep(py, field, PyList::new(py, make(span)?)?.into_any())?,
    };
    PyTuple::new(py, held.try_iter()?.collect::<PyResult<Vec<_>>>()?)
}

pub(super) fn new_events<'py>(span: &Bound<'py, Span>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let events = span.get().read(|record| record.events.clone()).unwrap_or_default();
    events.into_iter().map(|event| Bound::new(span.py(), Event::of(event, span)).map(Bound::into_any)).collect()
}

pub(super) fn new_links<'py>(span: &Bound<'py, Span>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = span.py();
    let links = span.get().read(|record| record.links.clone()).unwrap_or_default();
    let class = api(py)?.link.bind(py);
    let new = |link: Link| {
        let attributes = python_attributes::to_mapping_proxy(py, &link.attributes)?;
        class.call1((context::to_python(py, &link.context)?, attributes))
    };
    links.into_iter().map(new).collect()
}

pub(super) fn resource<'py>(py: Python<'py>, span: &Span) -> PyResult<Bound<'py, PyAny>> {
    if let Some(held) = span.held(py, fields::RESOURCE) {
        return Ok(held);
    }
    let recorded = span.read(|record| Arc::clone(&record.origin.resource));
    let resource = recorded.unwrap_or_else(|| Arc::clone(span.tracer().provider.resource()));
    Ok(Bound::new(py, Resource::from_pipeline(resource))?.into_any())
}

pub(super) fn scope<'py>(py: Python<'py>, span: &Span) -> PyResult<Bound<'py, PyAny>> {
    if let Some(held) = span.held(py, fields::SCOPE) {
        return Ok(held);
    }
    Ok(Bound::new(py, InstrumentationScope(Arc::clone(&span.tracer().scope)))?.into_any())
}

/// `{}` for a span that does not record.
pub(super) fn to_json(span: &Span, indent: Option<usize>) -> String {
    span.read(|record| span_json(record, indent)).unwrap_or_else(|| "{}".to_owned())
}
