//! The metrics SDK's Python faces.

pub mod abi;

mod attributes;
mod instrument;
mod provider;
mod reader;

pub use reader::MetricExporter;

use pyo3::prelude::*;

/// Adds the metrics SDK to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<provider::MeterProvider>()?;
    module.add_class::<provider::Meter>()?;
    module.add_class::<instrument::Instrument>()?;
    module.add_class::<reader::MetricExporter>()?;
    module.add_class::<reader::PeriodicExportingMetricReader>()
}
