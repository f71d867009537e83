//! Conversion to the span of `opentelemetry_sdk`.

use std::sync::Arc;

use opentelemetry::trace as otel;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{SpanContext, SpanRecord, Status, StatusCode};
use crate::clock::system_time;

impl SpanRecord {
    /// The span for an exporter of `opentelemetry_sdk`: moved if nobody else holds the record, else copied.
    pub fn into_span_data(self: Arc<Self>) -> SpanData {
        let record = Arc::unwrap_or_clone(self);
        let mut events = SpanEvents::default();
        events.dropped_count = record.dropped_events;
        events.events = record
            .events
            .into_iter()
            .map(|event| {
                let dropped = event.attributes.dropped();
                otel::Event::new(event.name, system_time(event.time_ns), event.attributes.into(), dropped)
            })
            .collect();
        let mut links = SpanLinks::default();
        links.dropped_count = record.dropped_links;
        links.links = record
            .links
            .into_iter()
            .map(|link| {
                let dropped = link.attributes.dropped();
                otel::Link::new(link.context.to_otel(), link.attributes.into(), dropped)
            })
            .collect();
        let parent = record.parent.as_ref();
        SpanData {
            span_context: record.context.to_otel(),
            parent_span_id: parent.map_or(otel::SpanId::INVALID, |parent| otel::SpanId::from_bytes(parent.span_id)),
            parent_span_is_remote: parent.is_some_and(|parent| parent.is_remote),
            span_kind: record.kind,
            name: record.name,
            start_time: system_time(record.start_ns),
            end_time: system_time(record.end_ns.unwrap_or(record.start_ns)),
            dropped_attributes_count: record.attributes.dropped(),
            attributes: record.attributes.into(),
            events,
            links,
            status: record.status.into(),
            instrumentation_scope: record.origin.otel_scope.clone(),
        }
    }
}

impl SpanContext {
    fn to_otel(&self) -> otel::SpanContext {
        let members: Vec<_> = self.trace_state_members().collect();
        otel::SpanContext::new(
            otel::TraceId::from_bytes(self.trace_id),
            otel::SpanId::from_bytes(self.span_id),
            otel::TraceFlags::new(self.trace_flags.0),
            self.is_remote,
            // The Python API validated the members; what this crate will not take is left out rather than the span.
            otel::TraceState::from_key_value(members).unwrap_or_default(),
        )
    }
}

impl From<Status> for otel::Status {
    fn from(status: Status) -> Self {
        match status.code {
            StatusCode::Unset => Self::Unset,
            StatusCode::Ok => Self::Ok,
            StatusCode::Error => Self::error(status.description.unwrap_or_default()),
        }
    }
}
