//! Native span exporters as Python objects: recipes, which a processor turns into exporters on its own thread. Python code
//! may call them too.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use otel_rs_core::guard::guarded;
use otel_rs_core::log::{self, Level};
use otel_rs_pipeline::trace::{ConsoleSpanExporter, DirectExporter, SpanExporterFactory};
use pyo3::prelude::*;

use super::readable::{self, Origins};
use crate::lifecycle::{While, block_on, timeout, wait_for};

/// As in the stock SDK.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Adds the classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SpanExporter>()?;
    module.add_class::<NativeConsoleSpanExporter>()
}

/// Base of the native exporters. Not to be made by users.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeSpanExporter", frozen, subclass)]
pub struct SpanExporter {
    factory: OnceLock<SpanExporterFactory>,
    default: fn() -> SpanExporterFactory,
    /// What Python code exports with.
    direct: OnceLock<Arc<DirectExporter>>,
    origins: Origins,
}

impl SpanExporter {
    /// The base of an exporter, which `default` makes unless [another way is set](Self::set).
    pub fn new(default: fn() -> SpanExporterFactory) -> Self {
        Self { factory: OnceLock::new(), default, direct: OnceLock::new(), origins: Origins::default() }
    }

    /// Sets what makes the exporter. Only the first time counts, and not once it was asked for.
    pub fn set(&self, factory: SpanExporterFactory) {
        let _ = self.factory.set(factory);
    }

    /// What makes the exporter.
    pub fn factory(&self) -> SpanExporterFactory {
        Arc::clone(self.factory.get_or_init(self.default))
    }

    fn direct(&self) -> &Arc<DirectExporter> {
        self.direct.get_or_init(|| Arc::new(DirectExporter::new(self.factory())))
    }
}

#[guarded]
#[pymethods]
impl SpanExporter {
    /// Exports finished spans, of this SDK or whatever reads like one, and waits for it.
    fn export<'py>(&self, py: Python<'py>, spans: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let mut records = Vec::new();
        for span in spans.try_iter()? {
            records.extend(readable::finished(&span?, &self.origins));
        }
        let outcome = Arc::new(Mutex::new(Err("the export was interrupted".to_owned())));
        let (direct, place) = (Arc::clone(self.direct()), Arc::clone(&outcome));
        block_on(py, move || {
            let outcome = direct.export(records);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        })?;
        let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Err(reason) = &outcome {
            log::log(py, Level::Error, &format!("Spans were not exported: {reason}"));
        }
        let result = py.import("otel_rs_sdk._processors")?.getattr("SpanExportResult")?;
        result.getattr(if outcome.is_ok() { "SUCCESS" } else { "FAILURE" })
    }

    /// Lets go of what `export` uses, and has it export nothing more. Processors that were given this exporter go on.
    fn shutdown(&self, py: Python<'_>) -> PyResult<()> {
        let deadline = Instant::now() + DEFAULT_TIMEOUT;
        wait_for(py, vec![self.direct().begin_shutdown(deadline)], deadline, While::GreenletsRun).map(drop)
    }

    /// Nothing to do: `export` holds nothing back.
    #[pyo3(signature = (timeout_millis=None))]
    fn force_flush(&self, timeout_millis: Option<f64>) -> bool {
        let _ = timeout_millis.map(timeout);
        true
    }
}

/// Prints spans to standard output as the stock `ConsoleSpanExporter` does.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", extends = SpanExporter, frozen, subclass)]
pub struct NativeConsoleSpanExporter;

#[guarded]
#[pymethods]
impl NativeConsoleSpanExporter {
    #[new]
    fn new() -> PyClassInitializer<Self> {
        let exporter = SpanExporter::new(|| Arc::new(|| Ok(Box::new(ConsoleSpanExporter))));
        PyClassInitializer::from(exporter).add_subclass(Self)
    }
}
