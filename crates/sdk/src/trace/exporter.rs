//! Native span exporters as Python objects: recipes, which a processor turns into exporters on its own thread.

use std::sync::Arc;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::trace::{ConsoleSpanExporter, SpanExporterFactory};
use pyo3::prelude::*;

/// Adds the classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<SpanExporter>()?;
    module.add_class::<NativeConsoleSpanExporter>()
}

/// Base of the native exporters. Not to be made by users.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeSpanExporter", frozen, subclass)]
pub struct SpanExporter {
    factory: SpanExporterFactory,
}

impl SpanExporter {
    /// The base of an exporter that `factory` makes.
    pub fn new(factory: SpanExporterFactory) -> Self {
        Self { factory }
    }

    /// What makes the exporter.
    pub fn factory(&self) -> SpanExporterFactory {
        Arc::clone(&self.factory)
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
        let factory: SpanExporterFactory = Arc::new(|| Ok(Box::new(ConsoleSpanExporter)));
        PyClassInitializer::from(SpanExporter::new(factory)).add_subclass(Self)
    }
}
