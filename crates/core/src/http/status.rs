//! The status of a response on any span, for callers that hold one as a Python object.

use otel_rs_semconv::Stability;
use otel_rs_semconv::http::ResponseStatus;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::attributes::to_dict;
use crate::trace::set_status_of;

/// Sets the status attributes and the status on `span`, and the attributes in `metric_attributes` if they are given.
///
/// The span is asked whether it records once for each convention's attributes and once for the status, as the stock
/// suite counts.
///
/// # Errors
///
/// What the span raises.
pub fn add_status_to(
    span: &Bound<'_, PyAny>,
    status: &ResponseStatus<'_>,
    metric_attributes: Option<&Bound<'_, PyDict>>,
    stability: Stability,
) -> PyResult<()> {
    let py = span.py();
    let is_recording = || span.call_method0(intern!(py, "is_recording"))?.is_truthy();
    let conventions = [(stability.reports_old(), Stability::Old), (stability.reports_new(), Stability::New)];
    for (_, convention) in conventions.into_iter().filter(|(reported, _)| *reported) {
        let mut attributes = Vec::with_capacity(2);
        status.span_attributes(convention, &mut attributes);
        let attributes = to_dict(py, &attributes)?;
        if is_recording()? {
            for (key, value) in &attributes {
                span.call_method1(intern!(py, "set_attribute"), (key, value))?;
            }
        }
        if let Some(metric_attributes) = metric_attributes {
            metric_attributes.update(attributes.as_mapping())?;
        }
    }
    if is_recording()? {
        let (code, description) = status.span_status();
        set_status_of(span, code, &description)?;
    }
    Ok(())
}
