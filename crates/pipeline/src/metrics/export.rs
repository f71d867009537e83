//! What sends collected metrics.

use std::sync::Arc;

use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;

use super::number::DoubleInstruments;
use crate::resource::Resource;

/// One collection.
pub struct MetricBatch<'a> {
    /// The points.
    pub metrics: &'a ResourceMetrics,
    /// The resource, with values that the SDK's own resource cannot hold.
    pub resource: &'a Resource,
    pub(crate) doubles: &'a DoubleInstruments,
}

impl MetricBatch<'_> {
    /// Whether the doubles of an instrument are whole numbers to Python.
    pub(crate) fn is_integral(&self, scope: &str, instrument: &str) -> bool {
        !self.doubles.contains(scope, instrument)
    }
}

/// A metric exporter. It is used by one thread at a time.
pub trait MetricExport: Send + Sync {
    /// Sends a batch. The error is a sentence for the log, without secrets. It returns within a bounded time of its own.
    fn export(&self, batch: &MetricBatch<'_>) -> Result<(), String>;

    /// Which temporality the exporter wants.
    fn temporality(&self) -> Temporality;
}

/// Makes an exporter in each process that needs one. It makes no connection yet.
pub type MetricExporterFactory = Arc<dyn Fn() -> Box<dyn MetricExport> + Send + Sync>;
