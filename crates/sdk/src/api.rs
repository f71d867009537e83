//! Objects of the OpenTelemetry Python API, looked up once.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// What the SDK needs of `opentelemetry.trace` and the standard library.
pub struct Api {
    /// `opentelemetry.trace.get_current_span`
    pub get_current_span: Py<PyAny>,
    /// `opentelemetry.trace.INVALID_SPAN`
    pub invalid_span: Py<PyAny>,
    /// `opentelemetry.trace.SpanContext`
    pub span_context: Py<PyType>,
    /// `opentelemetry.trace.TraceFlags`
    pub trace_flags: Py<PyAny>,
    /// `opentelemetry.trace.TraceState.from_header`
    pub trace_state_from_header: Py<PyAny>,
    /// `opentelemetry.trace.span.DEFAULT_TRACE_STATE`
    pub default_trace_state: Py<PyAny>,
    /// `opentelemetry.trace.Status`
    pub status: Py<PyType>,
    /// `opentelemetry.trace.StatusCode`
    pub status_code: Py<PyType>,
    /// `opentelemetry.trace.SpanKind`
    pub span_kind: Py<PyType>,
    /// Its members, from `INTERNAL` to `CONSUMER`; the value of each is its place.
    pub span_kinds: Vec<Py<PyAny>>,
    /// `opentelemetry.trace.Link`
    pub link: Py<PyAny>,
    /// `types.MappingProxyType`
    pub mapping_proxy: Py<PyAny>,
    /// `traceback.format_exception`
    pub format_exception: Py<PyAny>,
}

const SPAN_KINDS: [&str; 5] = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

static API: PyOnceLock<Api> = PyOnceLock::new();

/// The objects.
pub fn api(py: Python<'_>) -> PyResult<&'static Api> {
    if let Some(api) = API.get(py) {
        return Ok(api);
    }
    // Looked up first and set then: imports run code, which may come here again.
    let api = look_up(py)?;
    let _ = API.set(py, api);
    API.get(py).ok_or_else(|| PyRuntimeError::new_err("the OpenTelemetry API was not kept"))
}

fn look_up(py: Python<'_>) -> PyResult<Api> {
    let trace = py.import("opentelemetry.trace")?;
    let class = |name: &str| -> PyResult<Py<PyType>> { Ok(trace.getattr(name)?.cast_into::<PyType>()?.unbind()) };
    Ok(Api {
        get_current_span: trace.getattr("get_current_span")?.unbind(),
        invalid_span: trace.getattr("INVALID_SPAN")?.unbind(),
        span_context: class("SpanContext")?,
        trace_flags: trace.getattr("TraceFlags")?.unbind(),
        trace_state_from_header: trace.getattr("TraceState")?.getattr("from_header")?.unbind(),
        default_trace_state: trace.getattr("DEFAULT_TRACE_STATE")?.unbind(),
        status: class("Status")?,
        status_code: class("StatusCode")?,
        span_kind: class("SpanKind")?,
        span_kinds: SPAN_KINDS
            .iter()
            .map(|name| Ok(trace.getattr("SpanKind")?.getattr(*name)?.unbind()))
            .collect::<PyResult<_>>()?,
        link: trace.getattr("Link")?.unbind(),
        mapping_proxy: py.import("types")?.getattr("MappingProxyType")?.unbind(),
        format_exception: py.import("traceback")?.getattr("format_exception")?.unbind(),
    })
}
