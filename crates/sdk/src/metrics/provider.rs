//! The meter provider and its meters.

use std::sync::Arc;
use std::time::Instant;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::metrics::{self as pipeline, MeterPipeline};
use otel_rs_pipeline::process::drain::{self, Drain};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use super::reader::PeriodicExportingMetricReader;
use crate::abi;
use crate::attributes;
use crate::drops;
use crate::lifecycle::{PendingExports, While, log_pending, timeout, wait_for};
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
    #[pyo3(signature = (metric_readers, resource, shutdown_on_exit=true))]
    fn new(metric_readers: &Bound<'_, PyAny>, resource: &Bound<'_, PyAny>, shutdown_on_exit: bool) -> PyResult<Self> {
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
        let pipeline = MeterPipeline::new(resource, readers);
        if shutdown_on_exit {
            let drain: Arc<dyn Drain> = Arc::clone(&pipeline) as _;
            drain::register(&drain);
        }
        Ok(Self { pipeline })
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
        name: &Bound<'_, PyAny>,
        version: &Bound<'_, PyAny>,
        schema_url: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
    ) -> Meter {
        Meter { meter: self.pipeline.meter(attributes::scope(name, version, schema_url, attributes)) }
    }

    /// Exports what there is within the time; false if it did not suffice or the export failed.
    fn force_flush(&self, py: Python<'_>, timeout_millis: f64) -> PyResult<bool> {
        let deadline = Instant::now() + timeout(timeout_millis);
        wait_for(py, vec![self.pipeline.begin_flush()], deadline, While::GreenletsRun)
    }

    /// Exports what there is for the last time, within the time; false if it did not suffice.
    fn shutdown(&self, py: Python<'_>, timeout_millis: f64) -> PyResult<bool> {
        let deadline = Instant::now() + timeout(timeout_millis);
        wait_for(py, vec![self.pipeline.begin_shutdown(deadline)], deadline, While::GreenletsRun)
    }

    /// Begins to export what there is for the last time, within the time.
    fn begin_shutdown(&self, timeout_millis: f64) -> PendingExports {
        PendingExports::new(vec![self.pipeline.begin_shutdown(Instant::now() + timeout(timeout_millis))])
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
