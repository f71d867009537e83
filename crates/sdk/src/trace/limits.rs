//! The Python face of the span limits.

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::trace::{self, Limit, RequestedLimits};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The limits of spans. Each is a non-negative integer, `None` for the environment's or the default, or `UNSET` for no
/// limit.
#[guarded]
#[pyclass(module = "otel_rs_sdk", frozen, subclass)]
pub struct SpanLimits {
    pub(super) limits: trace::SpanLimits,
}

#[guarded]
#[pymethods]
impl SpanLimits {
    /// No limit.
    #[classattr]
    const UNSET: i64 = -1;

    #[new]
    #[pyo3(signature = (
        max_attributes=None, max_events=None, max_links=None, max_span_attributes=None, max_event_attributes=None,
        max_link_attributes=None, max_attribute_length=None, max_span_attribute_length=None,
    ))]
    #[allow(clippy::too_many_arguments, reason = "the signature is the stock SDK's")]
    fn new(
        max_attributes: Option<i64>,
        max_events: Option<i64>,
        max_links: Option<i64>,
        max_span_attributes: Option<i64>,
        max_event_attributes: Option<i64>,
        max_link_attributes: Option<i64>,
        max_attribute_length: Option<i64>,
        max_span_attribute_length: Option<i64>,
    ) -> PyResult<Self> {
        let limits = trace::SpanLimits::resolve(RequestedLimits {
            max_attributes: limit("max_attributes", max_attributes)?,
            max_events: limit("max_events", max_events)?,
            max_links: limit("max_links", max_links)?,
            max_span_attributes: limit("max_span_attributes", max_span_attributes)?,
            max_event_attributes: limit("max_event_attributes", max_event_attributes)?,
            max_link_attributes: limit("max_link_attributes", max_link_attributes)?,
            max_attribute_length: limit("max_attribute_length", max_attribute_length)?,
            max_span_attribute_length: limit("max_span_attribute_length", max_span_attribute_length)?,
        });
        Ok(Self { limits })
    }

    #[getter]
    fn max_attributes(&self) -> Option<usize> {
        self.limits.max_attributes
    }

    #[getter]
    fn max_events(&self) -> Option<usize> {
        self.limits.max_events
    }

    #[getter]
    fn max_links(&self) -> Option<usize> {
        self.limits.max_links
    }

    #[getter]
    fn max_span_attributes(&self) -> Option<usize> {
        self.limits.max_span_attributes
    }

    #[getter]
    fn max_event_attributes(&self) -> Option<usize> {
        self.limits.max_event_attributes
    }

    #[getter]
    fn max_link_attributes(&self) -> Option<usize> {
        self.limits.max_link_attributes
    }

    #[getter]
    fn max_attribute_length(&self) -> Option<usize> {
        self.limits.max_attribute_length
    }

    #[getter]
    fn max_span_attribute_length(&self) -> Option<usize> {
        self.limits.max_span_attribute_length
    }

    fn __repr__(&self) -> String {
        let text = |limit: Option<usize>| limit.map_or_else(|| "None".to_owned(), |limit| limit.to_string());
        format!(
            "SpanLimits(max_span_attributes={}, max_events_attributes={}, max_link_attributes={}, max_attributes={}, \
             max_events={}, max_links={}, max_attribute_length={})",
            text(self.limits.max_span_attributes),
            text(self.limits.max_event_attributes),
            text(self.limits.max_link_attributes),
            text(self.limits.max_attributes),
            text(self.limits.max_events),
            text(self.limits.max_links),
            text(self.limits.max_attribute_length),
        )
    }
}

/// The limits in a Python object: ours, or anything with the stock SDK's attributes.
///
/// # Errors
///
/// What reading the attributes raises.
pub fn extract(value: &Bound<'_, PyAny>) -> PyResult<trace::SpanLimits> {
    if let Ok(limits) = value.cast::<SpanLimits>() {
        return Ok(limits.get().limits.clone());
    }
    let read = |name: &str| value.getattr(name)?.extract::<Option<usize>>();
    Ok(trace::SpanLimits {
        max_attributes: read("max_attributes")?,
        max_events: read("max_events")?,
        max_links: read("max_links")?,
        max_span_attributes: read("max_span_attributes")?,
        max_event_attributes: read("max_event_attributes")?,
        max_link_attributes: read("max_link_attributes")?,
        max_attribute_length: read("max_attribute_length")?,
        max_span_attribute_length: read("max_span_attribute_length")?,
    })
}

fn limit(name: &str, value: Option<i64>) -> PyResult<Limit> {
    match value {
        None => Ok(Limit::Default),
        Some(SpanLimits::UNSET) => Ok(Limit::Unlimited),
        Some(value) => usize::try_from(value)
            .map(Limit::Of)
            .map_err(|_| PyValueError::new_err(format!("{name} must be a non-negative integer but got {value}"))),
    }
}
