//! Span limits (OpenTelemetry specification, Tracing SDK, Span Limits), with the Python SDK's defaults and precedence.

use std::env;

use crate::attributes::AttributeLimits;
use crate::environment;

const DEFAULT_COUNT: usize = 128;

/// What bounds a span. `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanLimits {
    /// Most attributes of anything that has no limit of its own.
    pub max_attributes: Option<usize>,
    /// Most events of a span.
    pub max_events: Option<usize>,
    /// Most links of a span.
    pub max_links: Option<usize>,
    /// Most attributes of a span.
    pub max_span_attributes: Option<usize>,
    /// Most attributes of an event.
    pub max_event_attributes: Option<usize>,
    /// Most attributes of a link.
    pub max_link_attributes: Option<usize>,
    /// Longest string of an event's or link's attribute, in characters.
    pub max_attribute_length: Option<usize>,
    /// Longest string of a span's attribute, in characters.
    pub max_span_attribute_length: Option<usize>,
}

/// What a caller says about one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// Nothing: the environment decides, then the default.
    #[default]
    Default,
    /// No limit, whatever the environment says.
    Unlimited,
    /// This many.
    Of(usize),
}

/// The limits that a caller gives, one [`Limit`] for each field of [`SpanLimits`].
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "each field is the one of SpanLimits with the same name")]
pub struct RequestedLimits {
    pub max_attributes: Limit,
    pub max_events: Limit,
    pub max_links: Limit,
    pub max_span_attributes: Limit,
    pub max_event_attributes: Limit,
    pub max_link_attributes: Limit,
    pub max_attribute_length: Limit,
    pub max_span_attribute_length: Limit,
}

impl SpanLimits {
    /// Each limit by the first that says something: the caller, its own `OTEL_*` variable, the general limit, the
    /// default. A variable that is present and empty lifts its limit; one that is no number is reported and ignored.
    pub fn resolve(requested: RequestedLimits) -> Self {
        let general = resolve(requested.max_attributes, "OTEL_ATTRIBUTE_COUNT_LIMIT", None);
        let max_attributes = general.or(Some(DEFAULT_COUNT));
        let max_attribute_length = resolve(requested.max_attribute_length, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", None);
        let count = |limit, variable| resolve(limit, variable, Some(DEFAULT_COUNT));
        let attributes = |limit, variable| resolve(limit, variable, max_attributes);
        Self {
            max_attributes,
            max_events: count(requested.max_events, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
            max_links: count(requested.max_links, "OTEL_SPAN_LINK_COUNT_LIMIT"),
            max_span_attributes: attributes(requested.max_span_attributes, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
            max_event_attributes: attributes(requested.max_event_attributes, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
            max_link_attributes: attributes(requested.max_link_attributes, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
            max_attribute_length,
            max_span_attribute_length: resolve(
                requested.max_span_attribute_length,
                "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                max_attribute_length,
            ),
        }
    }

    /// The limits of a span's attributes.
    pub fn span_attributes(&self) -> AttributeLimits {
        AttributeLimits { count: self.max_span_attributes, value_length: self.max_span_attribute_length }
    }

    /// The limits of an event's attributes.
    pub fn event_attributes(&self) -> AttributeLimits {
        AttributeLimits { count: self.max_event_attributes, value_length: self.max_attribute_length }
    }

    /// The limits of a link's attributes.
    pub fn link_attributes(&self) -> AttributeLimits {
        AttributeLimits { count: self.max_link_attributes, value_length: self.max_attribute_length }
    }
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self::resolve(RequestedLimits::default())
    }
}

fn resolve(requested: Limit, variable: &'static str, default: Option<usize>) -> Option<usize> {
    match requested {
        Limit::Of(limit) => Some(limit),
        Limit::Unlimited => None,
        Limit::Default if env::var(variable).is_ok_and(|value| value.trim().is_empty()) => None,
        Limit::Default => {
            let used = default.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
            environment::parsed(variable, default, "a whole number, 0 or more", &used, |value| {
                value.parse().ok().map(Some)
            })
        }
    }
}
