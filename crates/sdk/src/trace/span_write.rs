//! The writing side of a span, by the rules and with the warnings of the stock SDK.
//!
//! Values are read first, as that may run code of the user's, and only then is the span's lock taken.

use std::borrow::Cow;

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::log::{self, Level};
use otel_rs_pipeline::clock;
use otel_rs_pipeline::trace::{Event, Link, SpanLimits, Status, StatusCode};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::span::{self, Change, OnException};
use super::tracer_face::time_ns;
use super::{Span, context, fields};
use crate::api::api;
use crate::attributes::{self, Cleaned, display, text};

pub(super) fn end(span: &Bound<'_, Span>, end_time: Option<&Bound<'_, PyAny>>) {
    if span::end(span, end_time.and_then(time_ns)) == Change::Ended {
        log::log(span.py(), Level::Warning, "Calling end() on an ended span.");
    }
}

pub(super) fn set_attributes(py: Python<'_>, span: &Span, mapping: &Bound<'_, PyAny>) {
    if !may_change(py, span, "Setting attribute on ended span.") {
        return;
    }
    let cleaned = attributes::from_mapping(Some(mapping));
    span.change_attributes(py, |record| {
        cleaned.set_into(&mut record.attributes, span.limits().span_attributes());
    });
}

pub(super) fn set_attribute(span: &Span, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) {
    if !may_change(key.py(), span, "Setting attribute on ended span.") {
        return;
    }
    let attribute = attributes::from_pair(key, value);
    span.change_attributes(key.py(), |record| match attribute {
        Some((key, value)) => record.set_attribute(key, value, span.limits()),
        None => record.attributes.add_dropped(1),
    });
}

pub(super) fn add_event(
    span: &Span,
    name: &Bound<'_, PyAny>,
    mapping: Option<&Bound<'_, PyAny>>,
    timestamp: Option<&Bound<'_, PyAny>>,
) {
    if !may_change(name.py(), span, "Tried calling _add_event on an ended span.") {
        return;
    }
    let event = Event {
        name: Cow::Owned(display(name)),
        time_ns: timestamp.and_then(time_ns).unwrap_or_else(clock::now_ns),
        attributes: attributes::from_mapping(mapping).into_attributes(span.limits().event_attributes()),
    };
    span.push_event(name.py(), event);
}

pub(super) fn add_link(span: &Span, context: &Bound<'_, PyAny>, mapping: Option<&Bound<'_, PyAny>>) {
    let py = context.py();
    if !may_change(py, span, "Tried calling _add_link on an ended span.") {
        return;
    }
    match read_link(context, mapping, span.limits()) {
        Ok(Some(link)) => {
            span.change_field(py, fields::LINKS, |record| record.add_link(link, span.limits()));
        }
        Ok(None) => {}
        Err(error) => report(py, "link", "A link was dropped", &error),
    }
}

pub(super) fn update_name(span: &Span, name: &Bound<'_, PyAny>) {
    if may_change(name.py(), span, "Tried calling update_name on an ended span.") {
        span.update_name(Cow::Owned(display(name)));
    }
}

pub(super) fn set_status(span: &Span, status: &Bound<'_, PyAny>, description: Option<&Bound<'_, PyAny>>) {
    let py = status.py();
    if !may_change(py, span, "Tried calling set_status on an ended span.") {
        return;
    }
    match read_status(status, description) {
        Ok(Some(status)) => {
            span.set_status(py, status);
        }
        Ok(None) => {}
        Err(error) => report(py, "status", "A status was ignored", &error),
    }
}

pub(super) fn record_exception(
    span: &Span,
    exception: &Bound<'_, PyAny>,
    extra: Option<&Bound<'_, PyAny>>,
    timestamp: Option<&Bound<'_, PyAny>>,
    escaped: &str,
) {
    let py = exception.py();
    if !may_change(py, span, "Tried calling _add_event on an ended span.") {
        return;
    }
    let mut attributes = Cleaned::of([
        ("exception.type", type_name(exception)),
        ("exception.message", display(exception)),
        ("exception.stacktrace", stacktrace(exception)),
        ("exception.escaped", escaped.to_owned()),
    ]);
    attributes.update(attributes::from_mapping(extra));
    span.push_event(
        py,
        Event {
            name: Cow::Borrowed("exception"),
            time_ns: timestamp.and_then(time_ns).unwrap_or_else(clock::now_ns),
            attributes: attributes.into_attributes(span.limits().event_attributes()),
        },
    );
}

/// The end of a `with` block.
pub(super) fn exit(span: &Bound<'_, Span>, exception: &Bound<'_, PyAny>, on_exception: OnException) {
    let this = span.get();
    if !exception.is_none() && this.read(|record| record.end_ns.is_none()).unwrap_or(false) {
        if on_exception.record {
            record_exception(this, exception, None, None, "True");
        }
        if on_exception.set_status {
            let description = format!("{}: {}", class_name(exception), display(exception));
            let status = Status { code: StatusCode::Error, description: Some(Cow::Owned(description)) };
            this.set_status(span.py(), status);
        }
    }
    // A subclass may have an `end` of its own.
    if let Err(error) = span.call_method0("end") {
        report(span.py(), "end", "Ending a span failed", &error);
    }
}

/// The links in a sequence of `opentelemetry.trace.Link`; those that lead nowhere and say nothing are left out.
pub(super) fn read_links(links: &Bound<'_, PyAny>, limits: &SpanLimits) -> Vec<Link> {
    let py = links.py();
    let read = || -> PyResult<Vec<Link>> {
        let mut usable = Vec::new();
        if !links.is_none() {
            for link in links.try_iter()? {
                let link = link?;
                if !link.is_none() {
                    usable.extend(read_link(&link.getattr("context")?, Some(&link.getattr("attributes")?), limits)?);
                }
            }
        }
        Ok(usable)
    };
    read().unwrap_or_else(|error| {
        report(py, "link", "The links of a span were dropped", &error);
        Vec::new()
    })
}

fn read_link(
    context: &Bound<'_, PyAny>,
    mapping: Option<&Bound<'_, PyAny>>,
    limits: &SpanLimits,
) -> PyResult<Option<Link>> {
    if context.is_none() {
        return Ok(None);
    }
    let context = context::from_python(context)?;
    let attributes = attributes::from_mapping(mapping).into_attributes(limits.link_attributes());
    let says_something = context.is_valid()
        || context.trace_state.is_some()
        || mapping.is_some_and(|mapping| mapping.is_truthy().swallow(mapping.py()).unwrap_or(false));
    Ok(says_something.then_some(Link { context, attributes }))
}

fn read_status(status: &Bound<'_, PyAny>, description: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Status>> {
    let py = status.py();
    let api = api(py)?;
    if status.is_instance(api.status.bind(py))? {
        if let Some(description) = description {
            let message = format!(
                "Description {} ignored. Use either `Status` or `(StatusCode, Description)`",
                display(description)
            );
            log::log(py, Level::Warning, &message);
        }
        let code = status_code(&status.getattr("status_code")?)?;
        let description: Option<Bound<'_, PyString>> = status.getattr("description")?.extract()?;
        return Ok(Some(Status { code, description: description.map(|description| Cow::Owned(text(&description))) }));
    }
    if !status.is_instance(api.status_code.bind(py))? {
        return Ok(None);
    }
    let code = status_code(status)?;
    let description = match description.filter(|description| description.is_truthy().swallow(py).unwrap_or(false)) {
        None => None,
        Some(description) => match description.cast::<PyString>() {
            Err(_) => {
                log::log(py, Level::Warning, "Invalid status description type, expected str");
                None
            }
            Ok(_) if code != StatusCode::Error => {
                let message = "description should only be set when status_code is set to StatusCode.ERROR";
                log::log(py, Level::Warning, message);
                None
            }
            Ok(description) => Some(Cow::Owned(text(description))),
        },
    };
    Ok(Some(Status { code, description }))
}

pub(super) fn status_code(code: &Bound<'_, PyAny>) -> PyResult<StatusCode> {
    Ok(match code.getattr("value")?.extract::<u32>()? {
        1 => StatusCode::Ok,
        2 => StatusCode::Error,
        _ => StatusCode::Unset,
    })
}

fn report(py: Python<'_>, kind: &str, what: &str, error: &PyErr) {
    if !guard::pass_on(py, error) {
        log::warning_once(py, kind, &format!("{what}: {error}"));
    }
}

/// Whether the span takes changes; an ended one says `warning`.
fn may_change(py: Python<'_>, span: &Span, warning: &str) -> bool {
    match span.read(|record| record.end_ns.is_none()) {
        Some(true) => true,
        Some(false) => {
            log::log(py, Level::Warning, warning);
            false
        }
        None => false,
    }
}

fn type_name(exception: &Bound<'_, PyAny>) -> String {
    let class = exception.get_type();
    let name =
        |attribute: &str| class.getattr(attribute).swallow(class.py()).map(|name| display(&name)).unwrap_or_default();
    let (module, qualified) = (name("__module__"), name("__qualname__"));
    if module.is_empty() || module == "builtins" { qualified } else { format!("{module}.{qualified}") }
}

fn class_name(exception: &Bound<'_, PyAny>) -> String {
    exception.get_type().getattr("__name__").swallow(exception.py()).map(|name| display(&name)).unwrap_or_default()
}

fn stacktrace(exception: &Bound<'_, PyAny>) -> String {
    let py = exception.py();
    let format = || -> PyResult<String> {
        let lines = api(py)?.format_exception.bind(py).call1((exception,))?;
        let joined = PyString::new(py, "").call_method1("join", (lines,))?;
        Ok(text(joined.cast::<PyString>()?))
    };
    // An exception whose own methods raise has no printable trace.
    format().swallow(py).unwrap_or_default()
}
