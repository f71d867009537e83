//! The meter provider and its meters.

use std::sync::Arc;
use std::time::Duration;

use otel_rs_core::guard::{self, guarded};
use otel_rs_pipeline::attributes::AttributeLimits;
use otel_rs_pipeline::metrics::{self as pipeline, MeterPipeline};
use otel_rs_pipeline::trace::Scope;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use super::reader::PeriodicExportingMetricReader;
use crate::abi;
use crate::attributes;
use crate::drops;
use crate::lifecycle::log_pending;
use crate::resource;

/// The native side of `otel_rs_sdk.MeterProvider`.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeMeterProvider", frozen)]
pub struct MeterProvider {
    pipeline: Arc<MeterPipeline>,
}

#[guarded]
#[pymethods]
impl MeterProvider {
    #[new]
    fn new(metric_readers: &Bound<'_, PyAny>, resource: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut readers = Vec::new();
        for reader in metric_readers.try_iter()? {
            let reader = reader?;
            let Ok(native) = reader.cast::<PeriodicExportingMetricReader>() else {
                return Err(PyTypeError::new_err(format!(
                    "metric_readers must be readers of otel_rs_sdk; one written in Python ({}) is not supported yet",
                    reader.get_type()
                )));
            };
            readers.push(native.get().config.clone());
        }
        let resource = resource::extract(resource)?;
        log_pending(metric_readers.py());
        Ok(Self { pipeline: MeterPipeline::new(resource, readers) })
    }

    /// The resource, as it is in this process.
    #[getter]
    fn resource(&self) -> resource::Resource {
        resource::Resource::from_pipeline(self.pipeline.resource())
    }

    /// Whether `shutdown` was called.
    #[getter]
    fn is_shut_down(&self) -> bool {
        self.pipeline.is_shut_down()
    }

    /// How many collections of metrics were lost, by cause.
    #[getter]
    fn dropped_collections_by_cause<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        drops::by_cause(py, self.pipeline.drops())
    }

    /// The meter of a scope.
    #[pyo3(signature = (name, version, schema_url, attributes))]
    fn get_meter(
        &self,
        name: String,
        version: Option<String>,
        schema_url: Option<String>,
        attributes: Option<&Bound<'_, PyAny>>,
    ) -> Meter {
        let scope = Scope {
            name: name.into(),
            version: version.unwrap_or_default().into(),
            schema_url: schema_url.unwrap_or_default().into(),
            attributes: attributes::from_mapping(attributes).into_attributes(AttributeLimits::default()),
        };
        Meter { meter: self.pipeline.meter(scope) }
    }

    /// Exports what there is within the time; false if it did not suffice or the export failed.
    fn force_flush(&self, py: Python<'_>, timeout_millis: f64) -> bool {
        guard::guard_or("force_flush", false, || {
            let flushed = py.detach(|| self.pipeline.force_flush(millis(timeout_millis)));
            log_pending(py);
            flushed
        })
    }

    /// Exports what there is for the last time, within the time; false if it did not suffice.
    fn shutdown(&self, py: Python<'_>, timeout_millis: f64) -> bool {
        guard::guard_or("shutdown", false, || {
            let done = py.detach(|| self.pipeline.shutdown(millis(timeout_millis)));
            log_pending(py);
            done
        })
    }

    /// The capsule through which instrumentations reach this provider natively.
    fn abi<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        abi::export_capsule(py, abi::Provider::Meter(Arc::clone(&self.pipeline)))
    }
}

/// The native side of `otel_rs_sdk.Meter`.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeMeter", frozen)]
pub struct Meter {
    pub(super) meter: Arc<pipeline::Meter>,
}

/// A timeout; what is no usable number is none at all, and what is too long is an hour.
fn millis(timeout: f64) -> Duration {
    Duration::from_secs_f64((timeout / 1e3).clamp(0.0, 3600.0).max(0.0))
}
