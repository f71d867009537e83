//! The Python face of the resource.

use std::sync::Arc;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::attributes::{AttributeLimits, AttributeValue, Attributes, to_json};
use otel_rs_pipeline::resource::{Identity, Resource as PipelineResource};
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::attributes::{self, display};

/// Adds the class to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Resource>()
}

/// Who sends the telemetry. Immutable.
#[guarded]
#[pyclass(module = "otel_rs_sdk", frozen)]
pub struct Resource {
    resource: Arc<PipelineResource>,
}

impl Resource {
    /// The Python face of a resource.
    pub fn from_pipeline(resource: Arc<PipelineResource>) -> Self {
        Self { resource }
    }
}

#[guarded]
#[pymethods]
impl Resource {
    #[new]
    #[pyo3(signature = (attributes, schema_url=None))]
    fn new(attributes: Option<&Bound<'_, PyAny>>, schema_url: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let resource = PipelineResource::new(read(attributes), schema_url.map(display).unwrap_or_default());
        Ok(Self::from_pipeline(Arc::new(resource)))
    }

    /// The resource of this process with the given attributes: defaults, then `OTEL_RESOURCE_ATTRIBUTES` and
    /// `OTEL_SERVICE_NAME`, then `attributes`.
    #[classmethod]
    #[pyo3(signature = (attributes=None, schema_url=None))]
    fn create(
        class: &Bound<'_, PyType>,
        attributes: Option<&Bound<'_, PyAny>>,
        schema_url: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        Ok(Self::from_pipeline(create(class.py(), read(attributes), schema_url.map(display))?))
    }

    /// A resource without attributes.
    #[staticmethod]
    fn get_empty() -> Self {
        Self::from_pipeline(Arc::default())
    }

    /// The attributes of both, those of `other` winning.
    fn merge(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::from_pipeline(Arc::new(self.resource.merge(&*extract(other)?))))
    }

    #[getter]
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        attributes::to_mapping_proxy(py, self.resource.attributes())
    }

    #[getter]
    fn schema_url(&self) -> &str {
        self.resource.schema_url()
    }

    /// The resource as JSON text.
    #[pyo3(signature = (indent=Some(4)))]
    fn to_json(&self, indent: Option<usize>) -> String {
        let json = AttributeValue::Map(vec![
            ("attributes".into(), self.resource.attributes().to_value()),
            ("schema_url".into(), self.resource.schema_url().to_owned().into()),
        ]);
        to_json(&json, indent)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            self.resource.attributes() == other.resource.attributes()
                && self.resource.schema_url() == other.resource.schema_url()
        })
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut keys: Vec<_> = self.resource.attributes().iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        let mut hasher = DefaultHasher::new();
        (keys, self.resource.schema_url()).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("Resource({}, {})", to_json(&self.resource.attributes().to_value(), None), self.resource.schema_url())
    }
}

/// The resource in `value`: one of ours, anything with `attributes` and `schema_url` (the stock SDK's), or the default
/// for `None`.
///
/// # Errors
///
/// `AttributeError` or `TypeError` for anything else.
pub fn extract(value: &Bound<'_, PyAny>) -> PyResult<Arc<PipelineResource>> {
    if value.is_none() {
        return create(value.py(), Attributes::default(), None);
    }
    if let Ok(resource) = value.cast::<Resource>() {
        return Ok(Arc::clone(&resource.get().resource));
    }
    let attributes = value.getattr("attributes")?;
    let schema_url = value.getattr("schema_url")?;
    let schema_url = if schema_url.is_none() { String::new() } else { display(&schema_url) };
    Ok(Arc::new(PipelineResource::new(read(Some(&attributes)), schema_url)))
}

fn create(py: Python<'_>, attributes: Attributes, schema_url: Option<String>) -> PyResult<Arc<PipelineResource>> {
    let api_version: String = py.import("opentelemetry.version")?.getattr("__version__")?.extract()?;
    let executable: Option<String> = py.import("sys")?.getattr("executable")?.extract()?;
    let identity = Identity { api_version: &api_version, executable: executable.as_deref().unwrap_or_default() };
    Ok(Arc::new(PipelineResource::create(attributes, schema_url.unwrap_or_default(), identity)))
}

fn read(mapping: Option<&Bound<'_, PyAny>>) -> Attributes {
    attributes::from_mapping(mapping).into_attributes(AttributeLimits::default())
}
