//! Finished spans of any kind as records: those of this SDK, the stock SDK's `ReadableSpan`, and whatever reads like one.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::log;
use otel_rs_pipeline::attributes::{AttributeLimits, Attributes};
use otel_rs_pipeline::clock;
use otel_rs_pipeline::resource::Resource;
use otel_rs_pipeline::trace::{Event, Link, Origin, Scope, SpanContext, SpanKind, SpanRecord, Status};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::event::{self, InstrumentationScope};
use super::span_write::status_code;
use super::{Span, context, fields};
use crate::attributes::{display, from_mapping, scope as scope_of};
use crate::resource;

/// The scope and resource of the last span: equal ones are shared, so that a batch holds spans of many callers.
#[derive(Default)]
pub struct Origins(Mutex<Option<Arc<Origin>>>);

impl Origins {
    /// The origin of that scope and resource.
    pub fn of(&self, scope: Arc<Scope>, resource: Arc<Resource>) -> Arc<Origin> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut scope, mut resource) = (scope, resource);
        if let Some(last) = &*last {
            let same_scope = Arc::ptr_eq(&last.scope, &scope) || last.scope == scope;
            let same_resource = Arc::ptr_eq(&last.resource, &resource) || last.resource == resource;
            if same_scope && same_resource {
                return Arc::clone(last);
            }
            if same_scope {
                scope = Arc::clone(&last.scope);
            }
            if same_resource {
                resource = Arc::clone(&last.resource);
            }
        }
        Arc::clone(last.insert(Arc::new(Origin::new(scope, resource))))
    }
}

/// The record of a finished span as it is now; `None`, logged, if it is withheld or cannot be read.
pub fn finished(span: &Bound<'_, PyAny>, origins: &Origins) -> Option<Arc<SpanRecord>> {
    if let Ok(span) = span.cast::<Span>() {
        fields::settle(span);
        return span.get().finished().filter(|_| !span.get().is_withheld());
    }
    match record(span, origins) {
        Ok(record) => Some(Arc::new(record)),
        Err(error) => {
            let py = span.py();
            if !guard::pass_on(py, &error) {
                let class = span.get_type().name().map(|name| name.to_string()).swallow(py).unwrap_or_default();
                let message = format!(
                    "A span of the class `{class}` is not exported: it does not read like a finished span ({error}). \
                     Pass on spans of this SDK, or an opentelemetry.sdk.trace.ReadableSpan with a context"
                );
                log::warning_once(py, &format!("readable span {class}"), &message);
            }
            None
        }
    }
}

fn record(span: &Bound<'_, PyAny>, origins: &Origins) -> PyResult<SpanRecord> {
    let part = |name: &str| span.getattr(name);
    let optional = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(span.getattr_opt(name)?.filter(|part| !part.is_none()))
    };
    let context = match optional("context")? {
        Some(context) => context,
        None => span.call_method0("get_span_context")?,
    };
    let number = |name: &str| -> PyResult<u32> { Ok(optional(name)?.map_or(0, |number| count(&number))) };
    let start_ns = optional("start_time")?.map(|time| time_ns(&time)).transpose()?.unwrap_or_default();
    let end_ns = optional("end_time")?.map(|time| time_ns(&time)).transpose()?;
    let mut attributes = attributes(&part("attributes")?)?;
    attributes.add_dropped(number("dropped_attributes")?);
    let resource = resource::extract(&part("resource")?)?;
    let scope = optional("instrumentation_scope")?.map(|part| scope(&part)).transpose()?.unwrap_or_default();
    Ok(SpanRecord {
        context: context::from_python(&context)?,
        parent: optional("parent")?.map(|parent| context::from_python(&parent)).transpose()?,
        name: Cow::Owned(display(&part("name")?)),
        kind: optional("kind")?.map(|part| kind(&part)).transpose()?.unwrap_or(SpanKind::Internal),
        start_ns,
        end_ns: Some(end_ns.unwrap_or(start_ns)),
        attributes,
        events: optional("events")?.map(|part| events(&part)).transpose()?.unwrap_or_default(),
        dropped_events: number("dropped_events")?,
        links: optional("links")?.map(|part| links(&part)).transpose()?.unwrap_or_default(),
        dropped_links: number("dropped_links")?,
        status: optional("status")?.map(|part| status(&part)).transpose()?.unwrap_or_default(),
        origin: origins.of(scope, resource),
        successor: Default::default(),
    })
}

/// How many of something were dropped; zero for what is no such number.
fn count(number: &Bound<'_, PyAny>) -> u32 {
    number.extract::<u32>().swallow(number.py()).unwrap_or(0)
}

/// Nanoseconds since the Unix epoch.
pub fn time_ns(time: &Bound<'_, PyAny>) -> PyResult<u64> {
    super::tracer_face::time_ns(time).ok_or_else(|| PyTypeError::new_err("a time is not a number of nanoseconds"))
}

/// A context.
pub fn span_context(part: &Bound<'_, PyAny>) -> PyResult<SpanContext> {
    context::from_python(part)
}

/// An `opentelemetry.trace.SpanKind`.
pub fn kind(kind: &Bound<'_, PyAny>) -> PyResult<SpanKind> {
    Ok(match kind.getattr("value")?.extract::<u32>()? {
        0 => SpanKind::Internal,
        1 => SpanKind::Server,
        2 => SpanKind::Client,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        other => return Err(PyValueError::new_err(format!("{other} is no kind of span"))),
    })
}

/// A mapping, without limits, or none of `None`. What its `dropped` counts is dropped.
pub fn attributes(mapping: &Bound<'_, PyAny>) -> PyResult<Attributes> {
    if !mapping.is_none() && !mapping.hasattr("items")? {
        return Err(PyTypeError::new_err(format!("attributes are a {} and no mapping", mapping.get_type().name()?)));
    }
    let mut attributes = from_mapping(Some(mapping)).into_attributes(AttributeLimits::default());
    if let Some(dropped) = mapping.getattr_opt("dropped")? {
        attributes.add_dropped(count(&dropped));
    }
    Ok(attributes)
}

/// A sequence of events, this SDK's, the stock SDK's or alike.
pub fn events(sequence: &Bound<'_, PyAny>) -> PyResult<VecDeque<Event>> {
    sequence
        .try_iter()?
        .map(|item| {
            let item = item?;
            if let Some(event) = item.cast::<event::Event>().ok().and_then(|event| event.get().untouched()) {
                return Ok(event.clone());
            }
            let timestamp = item.getattr("timestamp")?;
            Ok(Event {
                name: Cow::Owned(display(&item.getattr("name")?)),
                time_ns: if timestamp.is_none() { clock::now_ns() } else { time_ns(&timestamp)? },
                attributes: attributes(&item.getattr("attributes")?)?,
            })
        })
        .collect()
}

/// A sequence of `opentelemetry.trace.Link`.
pub fn links(sequence: &Bound<'_, PyAny>) -> PyResult<VecDeque<Link>> {
    sequence
        .try_iter()?
        .map(|item| {
            let item = item?;
            Ok(Link {
                context: context::from_python(&item.getattr("context")?)?,
                attributes: attributes(&item.getattr("attributes")?)?,
            })
        })
        .collect()
}

/// An `opentelemetry.trace.Status`.
pub fn status(status: &Bound<'_, PyAny>) -> PyResult<Status> {
    let description = status.getattr("description")?;
    Ok(Status {
        code: status_code(&status.getattr("status_code")?)?,
        description: (!description.is_none()).then(|| Cow::Owned(display(&description))),
    })
}

/// An instrumentation scope of either SDK.
pub fn scope(scope: &Bound<'_, PyAny>) -> PyResult<Arc<Scope>> {
    if let Ok(scope) = scope.cast::<InstrumentationScope>() {
        return Ok(Arc::clone(&scope.get().0));
    }
    let attributes = scope.getattr_opt("attributes")?;
    let (name, version, schema_url) = (scope.getattr("name")?, scope.getattr("version")?, scope.getattr("schema_url")?);
    Ok(Arc::new(scope_of(&name, &version, &schema_url, attributes.as_ref())))
}
