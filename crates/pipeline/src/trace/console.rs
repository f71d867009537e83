//! The console exporter: the JSON that the Python SDK's `ConsoleSpanExporter` prints, letter for letter.

use std::time::Duration;

use super::export::{QueuedSpan, SpanExport};
use super::{SpanContext, SpanKind, SpanRecord, StatusCode};
use crate::attributes::{AttributeValue, Attributes, to_json};
use crate::clock;
use crate::queue::Failure;
use crate::resource::Resource;
use crate::stdio;

#[cfg(test)]
mod tests;

/// Prints spans to standard output.
#[derive(Debug, Default)]
pub struct ConsoleSpanExporter;

impl SpanExport for ConsoleSpanExporter {
    fn export(
        &mut self,
        spans: Vec<QueuedSpan>,
        _resource: &Resource,
        _within: Option<Duration>,
    ) -> Result<(), Failure<QueuedSpan>> {
        let mut text = String::new();
        for span in &spans {
            if let QueuedSpan::Record(span) = span {
                text.push_str(&span_json(span, Some(4)));
                text.push('\n');
            }
        }
        stdio::print(&text).map_err(|error| format!("standard output cannot be written: {error}").into())
    }
}

/// A span as `ReadableSpan.to_json` of the Python SDK renders it.
pub fn span_json(span: &SpanRecord, indent: Option<usize>) -> String {
    let mut status = vec![("status_code", status_name(span.status.code).into())];
    if let Some(description) = span.status.description.as_ref().filter(|description| !description.is_empty()) {
        status.push(("description", description.clone().into()));
    }
    let parent_id = span.parent.as_ref().map(|parent| format!("0x{}", hex(&parent.span_id)).into());
    let json = map([
        ("name", span.name.clone().into()),
        ("context", context(&span.context)),
        ("kind", kind_name(&span.kind).into()),
        ("parent_id", parent_id.unwrap_or(AttributeValue::Null)),
        ("start_time", time_or_null(Some(span.start_ns))),
        ("end_time", time_or_null(span.end_ns)),
        ("status", map(status)),
        ("attributes", span.attributes.to_value()),
        (
            "events",
            array(span.events.iter().map(|event| {
                map([
                    ("name", event.name.clone().into()),
                    ("timestamp", clock::iso_8601(event.time_ns).into()),
                    ("attributes", event.attributes.to_value()),
                ])
            })),
        ),
        (
            "links",
            array(span.links.iter().map(|link| {
                map([("context", context(&link.context)), ("attributes", Attributes::to_value(&link.attributes))])
            })),
        ),
        ("resource", resource(&span.origin.resource)),
    ]);
    to_json(&json, indent)
}

fn context(context: &SpanContext) -> AttributeValue {
    map([
        ("trace_id", format!("0x{}", hex(&context.trace_id)).into()),
        ("span_id", format!("0x{}", hex(&context.span_id)).into()),
        ("trace_state", trace_state_repr(context).into()),
    ])
}

/// `repr` of Python's `TraceState`: a list of strings, in which a quote changes the quotes around it.
fn trace_state_repr(context: &SpanContext) -> String {
    let members = context.trace_state_members().map(|(key, value)| {
        let text = format!("{{key={key}, value={value}}}").replace('\\', "\\\\");
        if text.contains('\'') && !text.contains('"') {
            format!("\"{text}\"")
        } else {
            format!("'{}'", text.replace('\'', "\\'"))
        }
    });
    format!("[{}]", members.collect::<Vec<_>>().join(", "))
}

fn resource(resource: &Resource) -> AttributeValue {
    map([("attributes", resource.attributes().to_value()), ("schema_url", resource.schema_url().to_owned().into())])
}

fn map(entries: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> AttributeValue {
    AttributeValue::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn array(items: impl Iterator<Item = AttributeValue>) -> AttributeValue {
    AttributeValue::Array(items.collect())
}

/// Python's SDK prints no time for 0.
fn time_or_null(ns: Option<u64>) -> AttributeValue {
    ns.filter(|ns| *ns != 0).map_or(AttributeValue::Null, |ns| clock::iso_8601(ns).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn status_name(code: StatusCode) -> &'static str {
    match code {
        StatusCode::Unset => "UNSET",
        StatusCode::Ok => "OK",
        StatusCode::Error => "ERROR",
    }
}

fn kind_name(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Internal => "SpanKind.INTERNAL",
        SpanKind::Server => "SpanKind.SERVER",
        SpanKind::Client => "SpanKind.CLIENT",
        SpanKind::Producer => "SpanKind.PRODUCER",
        SpanKind::Consumer => "SpanKind.CONSUMER",
    }
}
