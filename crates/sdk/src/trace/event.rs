//! What a span shows of its events and scope.

use std::borrow::Cow;
use std::sync::Arc;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::attributes::AttributeLimits;
use otel_rs_pipeline::{clock, trace};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::pyclass::{PyTraverseError, PyVisit};
use pyo3::types::PyString;

use super::held::Held;
use super::tracer_face::time_ns;
use super::{Span, fields};
use crate::api::api;
use crate::attributes;

/// An event of a span, as a reader sees it. The private fields are those of the stock SDK's, and may be written.
#[guarded]
#[pyclass(module = "otel_rs_sdk", frozen)]
pub struct Event {
    event: trace::Event,
    held: Held,
    /// Whose event it is.
    span: Option<Py<Span>>,
}

impl Event {
    /// An event of a span.
    pub fn of(event: trace::Event, span: &Bound<'_, Span>) -> Self {
        Self { event, held: Held::default(), span: Some(span.clone().unbind()) }
    }

    fn write(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.held.set(value.py(), name, value)?;
        if let Some(span) = &self.span {
            fields::written(span.bind(value.py()));
        }
        Ok(())
    }

    /// The event as it was recorded, unless Python code has, or may have, written into it.
    pub fn untouched(&self) -> Option<&trace::Event> {
        self.held.is_empty().then_some(&self.event)
    }
}

#[guarded]
#[pymethods]
impl Event {
    /// As in the stock SDK. `timestamp` is in nanoseconds since the Unix epoch, now without it.
    #[new]
    #[pyo3(signature = (name, attributes=None, timestamp=None))]
    fn new(
        name: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        timestamp: Option<&Bound<'_, PyAny>>,
    ) -> Self {
        let event = trace::Event {
            name: Cow::Owned(attributes::display(name)),
            time_ns: timestamp.and_then(time_ns).unwrap_or_else(clock::now_ns),
            attributes: attributes::from_mapping(attributes).into_attributes(AttributeLimits::default()),
        };
        Self { event, held: Held::default(), span: None }
    }

    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.held.get(py, "_name").unwrap_or_else(|| PyString::new(py, &self.event.name).into_any())
    }

    /// Nanoseconds since the Unix epoch.
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.held.get(py, "_timestamp") {
            Some(held) => Ok(held),
            None => self.event.time_ns.into_bound_py_any(py),
        }
    }

    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.held.get(py, "_attributes") {
            Some(held) if held.is_none() => Ok(held),
            Some(held) => api(py)?.mapping_proxy.bind(py).call1((held,)),
            None => attributes::to_mapping_proxy(py, &self.event.attributes),
        }
    }

    #[getter]
    fn dropped_attributes(&self) -> u32 {
        self.event.attributes.dropped()
    }

    #[getter(_name)]
    fn private_name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.name(py)
    }

    #[setter(_name)]
    fn set_private_name(&self, name: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write("_name", name)
    }

    #[getter(_timestamp)]
    fn private_timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.timestamp(py)
    }

    #[setter(_timestamp)]
    fn set_private_timestamp(&self, timestamp: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write("_timestamp", timestamp)
    }

    #[getter(_attributes)]
    fn private_attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.held.get(py, "_attributes") {
            Some(held) => Ok(held),
            None => {
                let span = self.span.as_ref().map(|span| span.bind(py).as_any());
                self.held.keep(py, "_attributes", fields::changeable(py, &self.event.attributes, span)?)
            }
        }
    }

    #[setter(_attributes)]
    fn set_private_attributes(&self, attributes: &Bound<'_, PyAny>) -> PyResult<()> {
        self.write("_attributes", attributes)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Event({}, {})", self.name(py)?.repr()?, self.timestamp(py)?))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.held.traverse(&visit)?;
        visit.call(&self.span)
    }
}

/// The instrumentation scope of a tracer.
#[guarded]
#[pyclass(module = "otel_rs_sdk", frozen)]
pub struct InstrumentationScope(pub Arc<trace::Scope>);

#[guarded]
#[pymethods]
impl InstrumentationScope {
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn version(&self) -> &str {
        &self.0.version
    }

    #[getter]
    fn schema_url(&self) -> &str {
        &self.0.schema_url
    }

    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attributes::to_mapping_proxy(py, &self.0.attributes)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.0 == other.get().0)
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        (&self.0.name, &self.0.version, &self.0.schema_url).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("InstrumentationScope({}, {}, {})", self.0.name, self.0.version, self.0.schema_url)
    }
}
