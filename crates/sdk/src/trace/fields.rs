//! The private fields of a span. In the stock SDK they are plain attributes, which scrubbing processors write.
//!
//! A field that Python code holds as an object of its own (a mapping of attributes, a list of events) is brought into the
//! record before the span is handed on: the object may have been changed meanwhile. A span whose fields nobody touches
//! pays for one look at a pointer.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::log;
use otel_rs_pipeline::attributes::Attributes;
use otel_rs_pipeline::resource::Resource;
use otel_rs_pipeline::trace::{Event, Link, Scope, SpanContext, SpanKind, SpanRecord, Status};
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::held::Held;
use super::readable::{self, Origins};
use super::span::Change;
use super::{Span, span_read};
use crate::attributes::{display, to_dict, to_python};
use crate::resource;

pub(super) const ATTRIBUTES: &str = "_attributes";
pub(super) const CONTEXT: &str = "_context";
pub(super) const EVENTS: &str = "_events";
pub(super) const LINKS: &str = "_links";
pub(super) const RESOURCE: &str = "_resource";
pub(super) const SCOPE: &str = "_instrumentation_scope";
pub(super) const STATUS: &str = "_status";

/// What Python code has of a span besides its methods.
#[derive(Default)]
pub struct Fields {
    pub(super) held: Held,
    /// Python code has written into what it holds, or has taken what it can write into.
    touched: AtomicBool,
    withheld: AtomicBool,
    told: AtomicBool,
}

/// A field as the record has it.
enum Field {
    Name(Cow<'static, str>),
    Kind(SpanKind),
    Context(SpanContext),
    Parent(Option<SpanContext>),
    Start(u64),
    End(u64),
    Attributes(Attributes),
    Events(VecDeque<Event>),
    Links(VecDeque<Link>),
    Status(Status),
    Resource(Arc<Resource>),
    Scope(Arc<Scope>),
}

impl Field {
    fn read(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(match name {
            "_name" => Self::Name(Cow::Owned(display(value))),
            "_kind" => Self::Kind(readable::kind(value)?),
            CONTEXT => Self::Context(readable::span_context(value)?),
            "_parent" if value.is_none() => Self::Parent(None),
            "_parent" => Self::Parent(Some(readable::span_context(value)?)),
            "_start_time" => Self::Start(readable::time_ns(value)?),
            "_end_time" => Self::End(readable::time_ns(value)?),
            ATTRIBUTES => Self::Attributes(readable::attributes(value)?),
            EVENTS => Self::Events(readable::events(value)?),
            LINKS => Self::Links(readable::links(value)?),
            STATUS => Self::Status(readable::status(value)?),
            RESOURCE => Self::Resource(resource::extract(value)?),
            SCOPE if value.is_none() => Self::Scope(Arc::default()),
            SCOPE => Self::Scope(readable::scope(value)?),
            other => return Err(PyAttributeError::new_err(format!("a span has no field {other}"))),
        })
    }

    fn is_in(&self, record: &SpanRecord) -> bool {
        match self {
            Self::Name(name) => record.name == *name,
            Self::Kind(kind) => record.kind == *kind,
            Self::Context(context) => record.context == *context,
            Self::Parent(parent) => record.parent == *parent,
            Self::Start(time) => record.start_ns == *time,
            Self::End(time) => record.end_ns == Some(*time),
            Self::Attributes(attributes) => {
                record.attributes == *attributes && record.attributes.dropped() == attributes.dropped()
            }
            Self::Events(events) => record.events == *events,
            Self::Links(links) => record.links == *links,
            Self::Status(status) => record.status == *status,
            Self::Resource(resource) => record.origin.resource == *resource,
            Self::Scope(scope) => record.origin.scope == *scope,
        }
    }

    fn write(self, record: &mut SpanRecord, origins: &Origins) {
        match self {
            Self::Name(name) => record.name = name,
            Self::Kind(kind) => record.kind = kind,
            Self::Context(context) => record.context = context,
            Self::Parent(parent) => record.parent = parent,
            Self::Start(time) => record.start_ns = time,
            Self::End(time) => record.end_ns = Some(time),
            Self::Attributes(attributes) => record.attributes = attributes,
            Self::Events(events) => record.events = events,
            Self::Links(links) => record.links = links,
            Self::Status(status) => record.status = status,
            Self::Resource(resource) => record.origin = origins.of(Arc::clone(&record.origin.scope), resource),
            Self::Scope(scope) => record.origin = origins.of(scope, Arc::clone(&record.origin.resource)),
        }
    }
}

impl Span {
    /// A field that Python code holds.
    pub(super) fn held<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyAny>> {
        self.fields.held.get(py, name)
    }

    /// Whether it may not be exported: what was to become of it cannot be had.
    pub(super) fn is_withheld(&self) -> bool {
        self.fields.withheld.load(Ordering::Acquire)
    }

    /// Notes that all processors were told of its end: what is written from now on concerns what waits in their queues.
    pub(super) fn set_told(&self) {
        self.fields.told.store(true, Ordering::Release);
    }

    /// Changes a part of a running span that Python code may hold as `field`.
    pub(super) fn change_field(&self, py: Python<'_>, field: &str, change: impl FnOnce(&mut SpanRecord)) -> Change {
        match self.held(py, field) {
            Some(value) if self.is_recording() => {
                rewrite(py, self, vec![(field.to_owned(), value.clone())]);
                let outcome = self.change(change);
                renew(py, self, field, &value);
                outcome
            }
            _ => self.change(change),
        }
    }
}

/// A field as Python code is to have it: what it changes there is changed in the span.
pub(super) fn get<'py>(span: &Bound<'py, Span>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let (py, this) = (span.py(), span.get());
    if matches!(name, ATTRIBUTES | EVENTS | LINKS | STATUS) {
        this.fields.touched.store(true, Ordering::Release);
    }
    if let Some(held) = this.held(py, name) {
        return Ok(held);
    }
    let value = match name {
        ATTRIBUTES => {
            let attributes = this.read(|record| record.attributes.clone()).unwrap_or_default();
            changeable(py, &attributes, Some(span.as_any()))?
        }
        EVENTS => PyList::new(py, span_read::new_events(span)?)?.into_any(),
        LINKS => PyList::new(py, span_read::new_links(span)?)?.into_any(),
        STATUS => span.getattr("status")?,
        // The others are immutable and need not be kept.
        _ => return span.getattr(name.trim_start_matches('_')),
    };
    this.fields.held.keep(py, name, value)
}

/// Writes a field. What cannot be used keeps the span from being exported.
pub(super) fn set(span: &Bound<'_, Span>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, this) = (span.py(), span.get());
    match name {
        "_name" | "_kind" | "_parent" | "_start_time" | "_end_time" => {
            rewrite(py, this, vec![(name.to_owned(), value.clone())]);
        }
        _ => this.fields.held.set(py, name, value)?,
    }
    written(span);
    Ok(())
}

/// After Python code has written into what it holds: what waits in a queue is replaced, if the processors have it already.
pub(super) fn written(span: &Bound<'_, Span>) {
    let fields = &span.get().fields;
    fields.touched.store(true, Ordering::Release);
    if fields.told.load(Ordering::Acquire) {
        settle(span);
    }
}

/// Brings what Python code holds into the record.
pub(super) fn settle(span: &Bound<'_, Span>) {
    let this = span.get();
    if !this.fields.held.is_empty() {
        rewrite(span.py(), this, this.fields.held.parts_now(span.py()));
    }
}

/// After a processor has failed: if it was writing, nobody knows what it would have left, and the span is withheld.
pub(super) fn failed(span: &Bound<'_, Span>, error: &PyErr) {
    let this = span.get();
    if this.fields.touched.load(Ordering::Acquire) || is_refused_write(span.py(), error) {
        withhold(span.py(), this, "the fields of a span", error);
    }
}

/// Whether an exception comes from a write into what can only be read.
fn is_refused_write(py: Python<'_>, error: &PyErr) -> bool {
    let (attribute, kind) = (error.is_instance_of::<PyAttributeError>(py), error.is_instance_of::<PyTypeError>(py));
    if !attribute && !kind {
        return false;
    }
    let text = display(error.value(py));
    let readonly = ["not writable", "read-only", "no setter", "can't set", "mappingproxy", "does not support item"];
    readonly.iter().any(|hint| text.contains(hint))
}

/// A mapping of attributes that Python code may change; the span is told of it.
pub(super) fn changeable<'py>(
    py: Python<'py>,
    attributes: &Attributes,
    span: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = py.import("otel_rs_sdk._span_fields")?.getattr("ChangeableAttributes")?;
    class.call1((to_dict(py, attributes)?, attributes.dropped(), span))
}

fn rewrite(py: Python<'_>, span: &Span, fields: Vec<(String, Bound<'_, PyAny>)>) {
    let mut changes = Vec::new();
    for (name, value) in fields {
        match Field::read(&name, &value) {
            Ok(field) => changes.push(field),
            Err(error) => withhold(py, span, &format!("`{name}`"), &error),
        }
    }
    let origins = &span.tracer().provider.origins;
    span.rewrite(changes, Field::is_in, |field, record| field.write(record, origins));
}

fn withhold(py: Python<'_>, span: &Span, what: &str, error: &PyErr) {
    span.fields.withheld.store(true, Ordering::Release);
    if let Some(record) = span.finished() {
        record.supersede(None);
    }
    if !guard::pass_on(py, error) {
        let message = format!(
            "A span is not exported: what a span processor was to leave in {what} cannot be had ({error}). Write what the \
             stock SDK has there"
        );
        log::warning_once(py, &format!("withheld {what}"), &message);
    }
}

/// After a change by a method: what Python code holds shows it, or is given up for a new one.
fn renew(py: Python<'_>, span: &Span, field: &str, held: &Bound<'_, PyAny>) {
    let attributes = (field == ATTRIBUTES).then(|| span.read(|record| record.attributes.clone())).flatten();
    let refill = |attributes: Attributes| -> PyResult<()> {
        held.call_method0("clear")?;
        attributes.iter().try_for_each(|(key, value)| held.set_item(key, to_python(py, value)?))
    };
    if attributes.and_then(|attributes| refill(attributes).swallow(py)).is_none() {
        span.fields.held.remove(py, field);
    }
}
