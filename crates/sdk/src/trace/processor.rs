//! The native span processors as Python objects.

use std::sync::Arc;
use std::time::{Duration, Instant};

use otel_rs_core::guard::{Swallow, guarded};
use otel_rs_pipeline::process::drain::{self, Drain};
use otel_rs_pipeline::trace::{self, BatchConfig, SpanExporterFactory};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::SpanExporter;
use super::processors::Processor;
use super::readable::{self, Origins};
use crate::drops;
use crate::lifecycle::{While, block_on, log_pending, timeout, wait_for};

/// As in the stock SDK.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Adds the classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeSpanProcessor>()?;
    module.add_class::<BatchSpanProcessor>()?;
    module.add_class::<SimpleSpanProcessor>()?;
    module.add_function(wrap_pyfunction!(batch_settings, module)?)?;
    module.add_function(wrap_pyfunction!(exports_natively, module)?)
}

/// Base of the native processors.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", frozen, subclass)]
pub struct NativeSpanProcessor {
    processor: Arc<dyn trace::SpanProcessor>,
    origins: Origins,
}

impl NativeSpanProcessor {
    /// The base of a processor, which the end of the process drains.
    fn over(processor: Arc<dyn trace::SpanProcessor>) -> Self {
        let drain: Arc<dyn Drain> = Arc::clone(&processor) as _;
        drain::register(&drain);
        Self { processor, origins: Origins::default() }
    }

    /// Leaves it to the application to shut it down before the process ends.
    pub fn decline_drain(&self) {
        let drain: Arc<dyn Drain> = Arc::clone(&self.processor) as _;
        drain::unregister(&drain);
    }
}

#[guarded]
#[pymethods]
impl NativeSpanProcessor {
    /// Nothing to do when a span starts.
    #[pyo3(signature = (span, parent_context=None))]
    fn on_start(&self, span: &Bound<'_, PyAny>, parent_context: Option<&Bound<'_, PyAny>>) {
        let _ = (span, parent_context);
    }

    /// Nothing to do when a span is about to end.
    fn _on_ending(&self, span: &Bound<'_, PyAny>) {
        let _ = span;
    }

    /// Takes a finished span from a processor that wraps this one: one of this SDK, or whatever reads like one.
    fn on_end(&self, py: Python<'_>, span: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(record) = readable::finished(span, &self.origins) else { return Ok(()) };
        if !self.processor.blocks() {
            self.processor.on_end(&record);
            return Ok(());
        }
        let processor = Arc::clone(&self.processor);
        block_on(py, move || processor.on_end(&record))
    }

    /// Exports what it holds; false if that took longer than `timeout_millis` or after a shutdown.
    #[pyo3(signature = (timeout_millis=None))]
    fn force_flush(&self, py: Python<'_>, timeout_millis: Option<f64>) -> PyResult<bool> {
        let deadline = Instant::now() + timeout_millis.map_or(DEFAULT_TIMEOUT, timeout);
        wait_for(py, vec![self.processor.begin_flush()], deadline, While::GreenletsRun)
    }

    /// Exports what it holds and takes nothing more.
    #[pyo3(signature = (timeout_millis=None))]
    fn shutdown(&self, py: Python<'_>, timeout_millis: Option<f64>) -> PyResult<()> {
        let deadline = Instant::now() + timeout_millis.map_or(DEFAULT_TIMEOUT, timeout);
        wait_for(py, vec![self.processor.begin_shutdown(deadline)], deadline, While::GreenletsRun).map(drop)
    }

    /// How many spans were dropped: by a full queue, a failed export or a shutdown.
    #[getter]
    fn dropped_spans(&self) -> u64 {
        self.processor.dropped_spans()
    }

    /// The same by cause: `queue_full`, `export_failed`, `deadline`, `after_shutdown`.
    #[getter]
    fn dropped_spans_by_cause<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        drops::by_cause(py, self.processor.drops())
    }
}

/// Queues spans and exports them in batches on a thread of its own. `otel_rs_sdk.BatchSpanProcessor` is what users make.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", extends = NativeSpanProcessor, frozen, subclass)]
pub struct BatchSpanProcessor;

#[guarded]
#[pymethods]
impl BatchSpanProcessor {
    #[new]
    #[pyo3(signature = (
        span_exporter, max_queue_size=None, schedule_delay_millis=None, max_export_batch_size=None,
        export_timeout_millis=None,
    ))]
    fn new(
        span_exporter: &Bound<'_, PyAny>,
        max_queue_size: Option<i64>,
        schedule_delay_millis: Option<f64>,
        max_export_batch_size: Option<i64>,
        export_timeout_millis: Option<f64>,
    ) -> PyResult<PyClassInitializer<Self>> {
        // As in the stock SDK, the exporter's own timeout is the one that counts.
        let _ = export_timeout_millis;
        let factory = factory(span_exporter).ok_or_else(|| {
            PyTypeError::new_err(
                "the native batch processor takes a native exporter: its thread never runs Python code",
            )
        })?;
        let config = config(span_exporter.py(), max_queue_size, schedule_delay_millis, max_export_batch_size)?;
        let processor = Arc::new(trace::BatchSpanProcessor::new(config, factory));
        Ok(PyClassInitializer::from(NativeSpanProcessor::over(processor)).add_subclass(Self))
    }
}

/// Exports each span when it ends, on the thread that ends it.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeSimpleSpanProcessor", extends = NativeSpanProcessor, frozen, subclass)]
pub struct SimpleSpanProcessor;

#[guarded]
#[pymethods]
impl SimpleSpanProcessor {
    #[new]
    fn new(span_exporter: &Bound<'_, SpanExporter>) -> PyClassInitializer<Self> {
        let processor = Arc::new(trace::SimpleSpanProcessor::new(span_exporter.get().factory()));
        PyClassInitializer::from(NativeSpanProcessor::over(processor)).add_subclass(Self)
    }
}

/// The arguments of a batch processor, or what the `OTEL_BSP_*` variables say.
fn config(
    py: Python<'_>,
    max_queue_size: Option<i64>,
    schedule_delay_millis: Option<f64>,
    max_export_batch_size: Option<i64>,
) -> PyResult<BatchConfig> {
    let mut config = BatchConfig::from_environment();
    log_pending(py);
    if let Some(size) = max_queue_size {
        config.max_queue_size = usize::try_from(size).unwrap_or(0);
        config.max_export_batch_size = match max_export_batch_size {
            None => config.max_export_batch_size.min(config.max_queue_size),
            Some(_) => config.max_export_batch_size,
        };
    }
    if let Some(size) = max_export_batch_size {
        config.max_export_batch_size = usize::try_from(size).unwrap_or(0);
    }
    if let Some(millis) = schedule_delay_millis {
        config.schedule_delay = Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
    }
    config.validated().map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The same for a batch processor of Python's own: size of the queue, delay in milliseconds, size of a batch.
#[guarded]
#[pyfunction]
#[pyo3(signature = (max_queue_size, schedule_delay_millis, max_export_batch_size))]
fn batch_settings(
    py: Python<'_>,
    max_queue_size: Option<i64>,
    schedule_delay_millis: Option<f64>,
    max_export_batch_size: Option<i64>,
) -> PyResult<(usize, f64, usize)> {
    let config = config(py, max_queue_size, schedule_delay_millis, max_export_batch_size)?;
    Ok((config.max_queue_size, config.schedule_delay.as_secs_f64() * 1e3, config.max_export_batch_size))
}

/// Whether the native batch processor takes an exporter: a native one without an `export` of its own, or one that has a
/// native double.
#[guarded]
#[pyfunction]
fn exports_natively(span_exporter: &Bound<'_, PyAny>) -> bool {
    factory(span_exporter).is_some()
}

fn factory(exporter: &Bound<'_, PyAny>) -> Option<SpanExporterFactory> {
    if let Ok(native) = exporter.cast::<SpanExporter>() {
        // A subclass may withhold what the native one would send.
        return (!overrides_export(exporter)).then(|| native.get().factory());
    }
    // A Python exporter that has a native double.
    let native = exporter.getattr_opt("native_exporter").ok()??;
    native.cast::<SpanExporter>().ok().map(|exporter| exporter.get().factory())
}

/// Whether an exporter has an `export` of its own, which only a call finds.
fn overrides_export(exporter: &Bound<'_, PyAny>) -> bool {
    let own = || -> PyResult<bool> {
        let native = exporter.py().get_type::<SpanExporter>().getattr("export")?;
        let attributes = exporter.getattr_opt("__dict__")?;
        let on_itself = attributes.is_some_and(|attributes| attributes.contains("export").unwrap_or(true));
        Ok(on_itself || !exporter.get_type().getattr("export")?.is(&native))
    };
    own().swallow(exporter.py()).unwrap_or(true)
}

/// The processor in a Python object: what is not native is called.
pub fn extract(processor: &Bound<'_, PyAny>) -> Processor {
    match processor.cast::<NativeSpanProcessor>() {
        Ok(native) if !overrides(processor) => Processor::Native(Arc::clone(&native.get().processor)),
        _ => Processor::Python(processor.clone().unbind()),
    }
}

/// Whether a subclass has a method of its own, which only a call finds.
fn overrides(processor: &Bound<'_, PyAny>) -> bool {
    let class = processor.get_type();
    let native = processor.py().get_type::<NativeSpanProcessor>();
    ["on_start", "on_end", "force_flush", "shutdown"].iter().any(
        |method| !matches!((class.getattr(*method), native.getattr(*method)), (Ok(own), Ok(native)) if own.is(&native)),
    )
}
