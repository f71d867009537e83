//! What a span has recorded.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

pub use opentelemetry::trace::SpanKind;

use super::{SpanContext, SpanLimits};
use crate::attributes::{AttributeValue, Attributes, Key};
use crate::resource::Resource;

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Name.
    pub name: Cow<'static, str>,
    /// Version; empty if absent.
    pub version: Cow<'static, str>,
    /// Schema URL; empty if absent.
    pub schema_url: Cow<'static, str>,
    /// Attributes.
    pub attributes: Attributes,
}

impl Scope {
    /// The scope of the `opentelemetry` crate.
    pub fn to_otel(&self) -> opentelemetry::InstrumentationScope {
        let mut scope = opentelemetry::InstrumentationScope::builder(self.name.clone())
            .with_attributes(Vec::from(self.attributes.clone()));
        if !self.version.is_empty() {
            scope = scope.with_version(self.version.clone());
        }
        if !self.schema_url.is_empty() {
            scope = scope.with_schema_url(self.schema_url.clone());
        }
        scope.build()
    }
}

/// Who recorded a span: shared by all spans of one tracer in one process.
#[derive(Debug)]
pub struct Origin {
    /// Scope of the tracer.
    pub scope: Arc<Scope>,
    /// Resource of the provider.
    pub resource: Arc<Resource>,
}

impl Origin {
    /// The origin of the spans of a tracer.
    pub fn new(scope: Arc<Scope>, resource: Arc<Resource>) -> Self {
        Self { scope, resource }
    }
}

/// Status code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusCode {
    /// Nobody set one.
    #[default]
    Unset,
    /// Said to be good, for good.
    Ok,
    /// An error.
    Error,
}

/// Status with its description, which only an error has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: StatusCode,
    /// The description.
    pub description: Option<Cow<'static, str>>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Name.
    pub name: Cow<'static, str>,
    /// When, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// Attributes.
    pub attributes: Attributes,
}

/// A link to another span.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The span that it leads to.
    pub context: SpanContext,
    /// Attributes.
    pub attributes: Attributes,
}

/// What replaces a finished record: nothing, another record, or (`None`) that it is withheld.
#[derive(Debug, Default)]
pub struct Successor(OnceLock<Option<Arc<SpanRecord>>>);

/// A copy is a record of its own, which nothing has replaced.
impl Clone for Successor {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What a span has recorded; complete once `end_ns` is set.
#[derive(Clone, Debug)]
pub struct SpanRecord {
    /// Context of the span.
    pub context: SpanContext,
    /// Context of its parent; `None` for a root span.
    pub parent: Option<SpanContext>,
    /// Name.
    pub name: Cow<'static, str>,
    /// Kind.
    pub kind: SpanKind,
    /// Start, in nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// End, in nanoseconds since the Unix epoch.
    pub end_ns: Option<u64>,
    /// Attributes.
    pub attributes: Attributes,
    /// Events, oldest first.
    pub events: VecDeque<Event>,
    /// How many events were dropped.
    pub dropped_events: u32,
    /// Links, oldest first.
    pub links: VecDeque<Link>,
    /// How many links were dropped.
    pub dropped_links: u32,
    /// Status.
    pub status: Status,
    /// Scope and resource.
    pub origin: Arc<Origin>,
    /// What replaces it, if it is finished and somebody has written into it since.
    pub successor: Successor,
}

impl SpanRecord {
    /// Replaces a finished record wherever it waits for its export; `None` withholds it. The first call counts: later
    /// ones concern the replacement.
    pub fn supersede(&self, by: Option<Arc<Self>>) {
        // Refused if it has a successor already.
        let _ = self.successor.0.set(by);
    }

    /// The record as it is to be exported now; `None` if it is withheld.
    pub fn latest(self: Arc<Self>) -> Option<Arc<Self>> {
        let mut latest = self;
        while let Some(successor) = latest.successor.0.get() {
            latest = successor.clone()?;
        }
        Some(latest)
    }

    /// Scope and resource as they are to be exported now.
    pub fn latest_origin(&self) -> &Arc<Origin> {
        let mut latest = self;
        while let Some(Some(successor)) = latest.successor.0.get() {
            latest = successor;
        }
        &latest.origin
    }

    /// Sets an attribute within the limits.
    pub fn set_attribute(&mut self, key: impl Into<Key>, value: AttributeValue, limits: &SpanLimits) {
        self.attributes.set(key, value, limits.span_attributes());
    }

    /// Adds an event; a full list drops its oldest.
    pub fn add_event(&mut self, event: Event, limits: &SpanLimits) {
        push_bounded(&mut self.events, &mut self.dropped_events, event, limits.max_events);
    }

    /// Adds a link; a full list drops its oldest.
    pub fn add_link(&mut self, link: Link, limits: &SpanLimits) {
        push_bounded(&mut self.links, &mut self.dropped_links, link, limits.max_links);
    }

    /// Sets the status: never back to unset, and nothing replaces `Ok` (OpenTelemetry specification, Tracing API, Set
    /// Status). A description belongs to an error alone.
    pub fn set_status(&mut self, status: Status) {
        if self.status.code != StatusCode::Ok && status.code != StatusCode::Unset {
            self.status = status;
        }
    }
}

fn push_bounded<T>(list: &mut VecDeque<T>, dropped: &mut u32, item: T, limit: Option<usize>) {
    match limit {
        Some(limit) if list.len() >= limit => {
            *dropped = dropped.saturating_add(1);
            if list.pop_front().is_some() {
                list.push_back(item);
            }
        }
        _ => list.push_back(item),
    }
}
