//! Spans on the wire (`opentelemetry.proto.trace.v1`), with the fields that the Python exporter fills: its flags say
//! whether the parent is remote and leave the W3C trace flags out, and a link has no trace state.

use std::ops::Range;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, Status, span, status};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len, message};

use super::common_proto as common;
use crate::resource::Resource;
use crate::stack::one_look;
use crate::trace::{self, Origin, QueuedSpan, Scope, SpanContext, SpanKind, SpanRecord, StatusCode};

/// `ExportTraceServiceRequest.resource_spans`
const RESOURCE_SPANS: u32 = 1;
/// `ResourceSpans.scope_spans`
const SCOPE_SPANS: u32 = 2;
/// `ScopeSpans.spans`
const SPANS: u32 = 2;

/// An encoded `ExportTraceServiceRequest`, and where in it each span is.
pub(super) struct Request {
    pub(super) body: Vec<u8>,
    /// Where the spans of each scope begin.
    scopes: Vec<usize>,
    /// The scope of each span by its index, and the span's place in that.
    spans: Vec<(Arc<Origin>, usize, Range<usize>)>,
}

impl Request {
    /// The spans, to be tried again.
    pub(super) fn into_spans(self) -> Vec<QueuedSpan> {
        let cut = |(origin, scope, place): (Arc<Origin>, usize, Range<usize>)| {
            let begin = self.scopes[scope];
            QueuedSpan::Encoded(origin, self.body[begin + place.start..begin + place.end].into())
        };
        self.spans.into_iter().map(cut).collect()
    }
}

/// The request for spans of one resource, grouped by scope in the order of each scope's first span.
///
/// Spans are encoded one by one: a message that holds them all takes a megabyte for a batch, which the allocator gets
/// from the system and gives back each time.
pub(super) fn request(spans: Vec<QueuedSpan>, resource: &Resource) -> Request {
    let _look = one_look();
    let mut scopes: Vec<(Arc<Scope>, Vec<u8>)> = Vec::new();
    let mut places = Vec::with_capacity(spans.len());
    for span in spans {
        let origin = Arc::clone(span.origin());
        let scope = &origin.scope;
        let index = scopes.iter().position(|(known, _)| Arc::ptr_eq(known, scope) || known == scope);
        let index = index.unwrap_or_else(|| {
            scopes.push((Arc::clone(scope), scope_spans(scope)));
            scopes.len() - 1
        });
        let encoded = &mut scopes[index].1;
        let begin = encoded.len();
        match span {
            // Python has let go of most spans by now; one that it still holds is copied.
            QueuedSpan::Record(record) => message::encode(SPANS, &encode(Arc::unwrap_or_clone(record)), encoded),
            QueuedSpan::Encoded(_, bytes) => encoded.extend_from_slice(&bytes),
        }
        places.push((origin, index, begin..encoded.len()));
    }
    let resource_spans = ResourceSpans {
        resource: Some(common::resource(resource)),
        scope_spans: Vec::new(),
        schema_url: resource.schema_url().to_owned(),
    }
    .encode_to_vec();
    let embedded = |message: &[u8]| key_len(SCOPE_SPANS) + encoded_len_varint(message.len() as u64) + message.len();
    let length = resource_spans.len() + scopes.iter().map(|(_, scope_spans)| embedded(scope_spans)).sum::<usize>();
    let mut body = Vec::with_capacity(key_len(RESOURCE_SPANS) + encoded_len_varint(length as u64) + length);
    encode_key(RESOURCE_SPANS, WireType::LengthDelimited, &mut body);
    encode_varint(length as u64, &mut body);
    body.extend_from_slice(&resource_spans);
    let mut begins = Vec::with_capacity(scopes.len());
    for (_, scope_spans) in scopes {
        encode_key(SCOPE_SPANS, WireType::LengthDelimited, &mut body);
        encode_varint(scope_spans.len() as u64, &mut body);
        begins.push(body.len());
        body.extend_from_slice(&scope_spans);
    }
    Request { body, scopes: begins, spans: places }
}

/// A `ScopeSpans` to which encoded spans can be appended: the fields of a message come in any order.
fn scope_spans(scope: &Scope) -> Vec<u8> {
    ScopeSpans { scope: Some(common::scope(scope)), spans: Vec::new(), schema_url: scope.schema_url.to_string() }
        .encode_to_vec()
}

fn encode(record: SpanRecord) -> Span {
    Span {
        trace_id: record.context.trace_id.to_vec(),
        span_id: record.context.span_id.to_vec(),
        trace_state: trace_state(&record.context),
        parent_span_id: record.parent.as_ref().map(|parent| parent.span_id.to_vec()).unwrap_or_default(),
        flags: flags(record.parent.as_ref()),
        name: record.name.into_owned(),
        kind: kind(&record.kind).into(),
        start_time_unix_nano: record.start_ns,
        end_time_unix_nano: record.end_ns.unwrap_or_default(),
        dropped_attributes_count: record.attributes.dropped(),
        attributes: common::attributes(record.attributes),
        events: record.events.into_iter().map(event).collect(),
        dropped_events_count: record.dropped_events,
        links: record.links.into_iter().map(link).collect(),
        dropped_links_count: record.dropped_links,
        status: Some(Status {
            message: record.status.description.map(Into::into).unwrap_or_default(),
            code: status_code(record.status.code).into(),
        }),
    }
}

fn event(event: trace::Event) -> span::Event {
    span::Event {
        time_unix_nano: event.time_ns,
        name: event.name.into_owned(),
        dropped_attributes_count: event.attributes.dropped(),
        attributes: common::attributes(event.attributes),
    }
}

fn link(link: trace::Link) -> span::Link {
    span::Link {
        trace_id: link.context.trace_id.to_vec(),
        span_id: link.context.span_id.to_vec(),
        trace_state: String::new(),
        dropped_attributes_count: link.attributes.dropped(),
        attributes: common::attributes(link.attributes),
        flags: flags(Some(&link.context)),
    }
}

fn trace_state(context: &SpanContext) -> String {
    context.trace_state_members().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn flags(other: Option<&SpanContext>) -> u32 {
    let mut flags = SpanFlags::ContextHasIsRemoteMask as u32;
    if other.is_some_and(|context| context.is_remote) {
        flags |= SpanFlags::ContextIsRemoteMask as u32;
    }
    flags
}

fn kind(kind: &SpanKind) -> span::SpanKind {
    match kind {
        SpanKind::Internal => span::SpanKind::Internal,
        SpanKind::Server => span::SpanKind::Server,
        SpanKind::Client => span::SpanKind::Client,
        SpanKind::Producer => span::SpanKind::Producer,
        SpanKind::Consumer => span::SpanKind::Consumer,
    }
}

fn status_code(code: StatusCode) -> status::StatusCode {
    match code {
        StatusCode::Unset => status::StatusCode::Unset,
        StatusCode::Ok => status::StatusCode::Ok,
        StatusCode::Error => status::StatusCode::Error,
    }
}

#[cfg(test)]
mod tests;
