//! Spans of any provider, through the OpenTelemetry Python API.

use crate::once;
use otel_rs_abi::{KeyValue, SpanKind, StatusCode};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use super::{Span, SpanBuilder};
use crate::attributes;
use crate::propagation::remote_context;
use crate::provider::Scope;

pub(super) struct ApiTracer {
    start_span: Py<PyAny>,
}

impl ApiTracer {
    pub(super) fn new(provider: &Bound<'_, PyAny>, scope: Scope) -> PyResult<Self> {
        let get_tracer = provider.py().import("opentelemetry.trace")?.getattr("get_tracer")?;
        let tracer = get_tracer.call1((scope.name, scope.version, provider, scope.schema_url))?;
        Ok(Self { start_span: tracer.getattr("start_span")?.unbind() })
    }

    pub(super) fn start<'py>(&self, py: Python<'py>, builder: &SpanBuilder<'_, 'py>) -> PyResult<Span> {
        let with_parent = match builder.remote_parent {
            Some(remote) => Some(remote_context(builder.context, remote)?),
            None => None,
        };
        // The order is that of `Tracer.start_span(name, context, kind, attributes, links, start_time)`.
        let args = PyTuple::new(
            py,
            [
                pyo3::types::PyString::new(py, builder.name).into_any(),
                with_parent.unwrap_or_else(|| builder.context.clone()),
                kind(py, builder.kind)?,
                attributes::to_dict(py, builder.attributes)?.into_any(),
                PyTuple::empty(py).into_any(),
                builder.start_time_ns.into_pyobject(py)?,
            ],
        )?;
        let span = self.start_span.bind(py).call1(args)?;
        let is_recording = span.call_method0(intern!(py, "is_recording"))?.is_truthy()?;
        Ok(Span::api(span.unbind(), is_recording))
    }
}

/// The API's enum member for a kind.
fn kind(py: Python<'_>, kind: SpanKind) -> PyResult<Bound<'_, PyAny>> {
    static KINDS: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
    let kinds = members(py, &KINDS, "SpanKind", &["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"])?;
    Ok(kinds[kind as usize].bind(py).clone())
}

/// The API's enum member for a status code.
fn status_code(py: Python<'_>, code: StatusCode) -> PyResult<Bound<'_, PyAny>> {
    static CODES: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
    let codes = members(py, &CODES, "StatusCode", &["UNSET", "OK", "ERROR"])?;
    Ok(codes[code as usize].bind(py).clone())
}

fn members<'a>(
    py: Python<'_>,
    cell: &'a PyOnceLock<Vec<Py<PyAny>>>,
    class: &str,
    names: &[&str],
) -> PyResult<&'a Vec<Py<PyAny>>> {
    once::get_or_compute(cell, py, || {
        let class = py.import("opentelemetry.trace")?.getattr(class)?;
        names.iter().map(|name| Ok(class.getattr(name)?.unbind())).collect()
    })
}

pub(super) fn set_attributes(span: &Bound<'_, PyAny>, attributes: &[KeyValue<'_>]) -> PyResult<()> {
    let py = span.py();
    if let [one] = attributes {
        let value = attributes::value_to_py(py, &one.value)?;
        span.call_method1(intern!(py, "set_attribute"), (attributes::key_to_py(py, &one.key), value))?;
    } else {
        span.call_method1(intern!(py, "set_attributes"), (attributes::to_dict(py, attributes)?,))?;
    }
    Ok(())
}

pub(crate) fn set_status(span: &Bound<'_, PyAny>, code: StatusCode, description: &str) -> PyResult<()> {
    static STATUS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = span.py();
    let kwargs = PyDict::new(py);
    if !description.is_empty() {
        kwargs.set_item(intern!(py, "description"), description)?;
    }
    let status =
        once::import(&STATUS, py, "opentelemetry.trace", "Status")?.call((status_code(py, code)?,), Some(&kwargs))?;
    span.call_method1(intern!(py, "set_status"), (status,))?;
    Ok(())
}

pub(super) fn add_event(span: &Bound<'_, PyAny>, name: &str, attributes: &[KeyValue<'_>]) -> PyResult<()> {
    let py = span.py();
    span.call_method1(intern!(py, "add_event"), (name, attributes::to_dict(py, attributes)?))?;
    Ok(())
}

pub(super) fn end(span: &Bound<'_, PyAny>, time_ns: Option<u64>) -> PyResult<()> {
    let py = span.py();
    match time_ns {
        None => span.call_method0(intern!(py, "end"))?,
        Some(time_ns) => span.call_method1(intern!(py, "end"), (time_ns,))?,
    };
    Ok(())
}

/// The current context with the span in it, as exemplars look for it.
pub(super) fn exemplar_context<'py>(span: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    span.py()
        .import(intern!(span.py(), "opentelemetry.trace"))?
        .call_method1(intern!(span.py(), "set_span_in_context"), (span,))
}
