//! The stock module's public functions.

use otel_rs_core::guard::guarded;
use otel_rs_core::http::{CapturedHeaders, EnvironFacts, add_status_to, attributes_of, captures_all_methods};
use otel_rs_core::propagation::EnvironGetter;
use otel_rs_semconv::Stability;
use otel_rs_semconv::http::{ResponseStatus, default_span_name};
use pyo3::prelude::*;
use pyo3::types::PyDict;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(collect_request_attributes, module)?)?;
    module.add_function(wrap_pyfunction!(collect_custom_request_headers_attributes, module)?)?;
    module.add_function(wrap_pyfunction!(collect_custom_response_headers_attributes, module)?)?;
    module.add_function(wrap_pyfunction!(add_response_attributes, module)?)?;
    module.add_function(wrap_pyfunction!(get_default_span_name, module)?)?;
    module.add_class::<EnvironGetter>()
}

/// The stability mode that the stock API passes as an enum member whose value is `default`, `http` or `http/dup`.
fn stability(mode: Option<&Bound<'_, PyAny>>) -> PyResult<Stability> {
    match mode {
        None => Ok(Stability::Old),
        Some(mode) => {
            let value = mode.getattr_opt("value")?.unwrap_or_else(|| mode.clone());
            Ok(Stability::from_opt_in(Some(&value.str()?.to_string_lossy())))
        }
    }
}

/// The attributes that a request's span starts with.
#[guarded]
#[pyfunction]
#[pyo3(signature = (environ, sem_conv_opt_in_mode = None))]
fn collect_request_attributes<'py>(
    environ: &Bound<'py, PyDict>,
    sem_conv_opt_in_mode: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let stability = stability(sem_conv_opt_in_mode)?;
    let facts = EnvironFacts::read(environ, stability, captures_all_methods())?;
    let request = facts.request();
    let mut attributes = Vec::with_capacity(20);
    request.span_attributes(stability, &mut attributes);
    attributes_of(environ.py(), &attributes)
}

/// The captured request headers, as attributes.
#[guarded]
#[pyfunction]
fn collect_custom_request_headers_attributes<'py>(environ: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    CapturedHeaders::from_environment(environ.py()).request_attributes(environ)
}

/// The captured response headers, as attributes.
#[guarded]
#[pyfunction]
fn collect_custom_response_headers_attributes<'py>(
    response_headers: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyDict>> {
    CapturedHeaders::from_environment(response_headers.py()).response_attributes(response_headers)
}

/// Puts the status of a response on a span, and into the attributes of a duration if they are given.
#[guarded]
#[pyfunction]
#[pyo3(signature = (
    span, start_response_status, response_headers, duration_attrs = None, sem_conv_opt_in_mode = None
))]
fn add_response_attributes(
    span: &Bound<'_, PyAny>,
    start_response_status: &str,
    response_headers: &Bound<'_, PyAny>,
    duration_attrs: Option<&Bound<'_, PyDict>>,
    sem_conv_opt_in_mode: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let _ = response_headers;
    let status = ResponseStatus::parse(start_response_status);
    add_status_to(span, &status, duration_attrs, stability(sem_conv_opt_in_mode)?)
}

/// `{method} {path}`, or the method alone, or `HTTP` for an unknown one.
#[guarded]
#[pyfunction]
fn get_default_span_name(environ: &Bound<'_, PyDict>) -> PyResult<String> {
    let facts = EnvironFacts::read(environ, Stability::New, captures_all_methods())?;
    Ok(default_span_name(facts.method(), captures_all_methods(), facts.path()))
}
