//! The tracer provider.

use std::sync::Arc;
use std::time::Instant;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::process::{self, PerProcess};
use otel_rs_pipeline::resource::Resource;
use otel_rs_pipeline::trace::{Sampler, SpanLimits};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use super::id_generator::IdGenerator;
use super::limits;
use super::processor;
use super::processors::Processors;
use super::readable::Origins;
use super::sampler;
use crate::abi;
use crate::drops;
use crate::lifecycle::{PendingExports, While, log_pending, timeout, wait_for};
use crate::resource;

/// What the tracers of a provider share.
pub struct TracerProviderState {
    /// Decides which spans record.
    pub sampler: Sampler<Py<PyAny>>,
    /// Makes ids.
    pub ids: IdGenerator,
    /// Bound what a span holds.
    pub limits: SpanLimits,
    /// Are told of spans.
    pub processors: Arc<Processors>,
    /// `OTEL_SDK_DISABLED`: no span records.
    pub disabled: bool,
    /// Of spans whose resource or scope was replaced.
    pub origins: Origins,
    resource: Arc<Resource>,
    /// The process that the resource was made for.
    generation: u64,
    process_resource: PerProcess<Arc<Resource>>,
}

impl TracerProviderState {
    /// The resource, with a `service.instance.id` of its own in a forked child.
    pub fn resource(&self) -> &Arc<Resource> {
        self.process_resource.get_or_build(|| {
            if self.generation == process::generation() {
                Arc::clone(&self.resource)
            } else {
                Arc::new(self.resource.for_this_process())
            }
        })
    }
}

/// The native side of `otel_rs_sdk.TracerProvider`.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeTracerProvider", frozen)]
pub struct TracerProvider {
    pub(super) state: Arc<TracerProviderState>,
}

#[guarded]
#[pymethods]
impl TracerProvider {
    #[new]
    #[pyo3(signature = (sampler, resource, span_limits, id_generator, disabled))]
    fn new(
        sampler: &Bound<'_, PyAny>,
        resource: &Bound<'_, PyAny>,
        span_limits: Option<&Bound<'_, PyAny>>,
        id_generator: Option<Py<PyAny>>,
        disabled: bool,
    ) -> PyResult<Self> {
        let state = TracerProviderState {
            sampler: sampler::extract(sampler),
            ids: id_generator.map_or(IdGenerator::Random, IdGenerator::Python),
            limits: span_limits.map(limits::extract).transpose()?.unwrap_or_default(),
            processors: Arc::default(),
            disabled,
            origins: Origins::default(),
            resource: resource::extract(resource)?,
            generation: process::generation(),
            process_resource: PerProcess::new(),
        };
        // What the environment says wrongly of limits and resource.
        log_pending(sampler.py());
        Ok(Self { state: Arc::new(state) })
    }

    /// The resource, as it is in this process.
    #[getter]
    fn resource(&self) -> resource::Resource {
        resource::Resource::from_pipeline(Arc::clone(self.state.resource()))
    }

    /// A provider with what is given in place of its own parts. Processors that are added to one of them are the other's
    /// too, unless one was given.
    #[pyo3(signature = (*, sampler=None, resource=None, span_limits=None, id_generator=None, span_processor=None))]
    fn with_parts(
        &self,
        py: Python<'_>,
        sampler: Option<&Bound<'_, PyAny>>,
        resource: Option<&Bound<'_, PyAny>>,
        span_limits: Option<&Bound<'_, PyAny>>,
        id_generator: Option<Py<PyAny>>,
        span_processor: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let own = &*self.state;
        let processors = match span_processor {
            None => Arc::clone(&own.processors),
            Some(processor) => {
                let processors = Processors::default();
                processors.add(processor::extract(processor));
                Arc::new(processors)
            }
        };
        let state = TracerProviderState {
            sampler: sampler.map_or_else(|| sampler::copy(py, &own.sampler), sampler::extract),
            ids: id_generator.map_or_else(|| own.ids.copy(py), IdGenerator::Python),
            limits: span_limits.map(limits::extract).transpose()?.unwrap_or_else(|| own.limits.clone()),
            processors,
            disabled: own.disabled,
            origins: Origins::default(),
            resource: resource.map(resource::extract).transpose()?.unwrap_or_else(|| Arc::clone(own.resource())),
            generation: process::generation(),
            process_resource: PerProcess::new(),
        };
        Ok(Self { state: Arc::new(state) })
    }

    /// Takes these span processors in place of those that it has.
    fn set_span_processors(&self, span_processors: Vec<Bound<'_, PyAny>>) {
        self.state.processors.replace(span_processors.iter().map(processor::extract).collect());
    }

    /// How many spans the native processors have lost, by cause.
    #[getter]
    fn dropped_spans_by_cause<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        drops::by_cause(py, self.state.processors.drops())
    }

    /// Adds a native or Python span processor at the end.
    fn add_span_processor(&self, span_processor: &Bound<'_, PyAny>) {
        if self.state.processors.declines_drain()
            && let Ok(native) = span_processor.cast::<processor::NativeSpanProcessor>()
        {
            native.get().decline_drain();
        }
        self.state.processors.add(processor::extract(span_processor));
    }

    /// Flushes the processors within the time; false if it did not suffice.
    fn force_flush(&self, py: Python<'_>, timeout_millis: f64) -> PyResult<bool> {
        self.state.processors.force_flush(py, timeout(timeout_millis))
    }

    /// Shuts the processors down within the time.
    fn shutdown(&self, py: Python<'_>, timeout_millis: f64) -> PyResult<()> {
        let deadline = Instant::now() + timeout(timeout_millis);
        let pending = self.state.processors.begin_shutdown(py, deadline)?;
        wait_for(py, pending, deadline, While::GreenletsRun).map(drop)
    }

    /// Begins to shut the processors down, those of Python's at once and the native ones within the time.
    fn begin_shutdown(&self, py: Python<'_>, timeout_millis: f64) -> PyResult<PendingExports> {
        let deadline = Instant::now() + timeout(timeout_millis);
        self.state.processors.begin_shutdown(py, deadline).map(PendingExports::new)
    }

    /// Whether some of the processors are Python's, whose shutdown takes as long as they like.
    #[getter]
    fn has_python_processors(&self) -> bool {
        self.state.processors.have_python()
    }

    /// Leaves it to the application to shut down before the process ends.
    fn decline_shutdown_on_exit(&self) {
        self.state.processors.decline_drain();
    }

    /// The capsule through which instrumentations reach this provider natively.
    fn abi<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        abi::export_capsule(py, abi::Provider::Tracer(Arc::clone(&self.state)))
    }
}
