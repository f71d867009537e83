//! What a span shows of its events and scope.

use std::sync::Arc;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::trace;
use pyo3::prelude::*;

use crate::attributes;

/// An event of a span, as a reader sees it.
#[guarded]
#[pyclass(module = "otel_rs_sdk", frozen)]
pub struct Event(pub trace::Event);

#[guarded]
#[pymethods]
impl Event {
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Nanoseconds since the Unix epoch.
    #[getter]
    fn timestamp(&self) -> u64 {
        self.0.time_ns
    }

    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attributes::to_mapping_proxy(py, &self.0.attributes)
    }

    #[getter]
    fn dropped_attributes(&self) -> u32 {
        self.0.attributes.dropped()
    }

    fn __repr__(&self) -> String {
        format!("Event({:?}, {})", self.0.name, self.0.time_ns)
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
