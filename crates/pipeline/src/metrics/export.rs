//! What sends collected metrics.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::{Aggregation, InstrumentKind, Temporality};

use super::number::DoubleInstruments;
use crate::queue::ExportError;
use crate::resource::Resource;

/// One collection.
pub struct MetricBatch<'a> {
    /// The points.
    pub metrics: &'a ResourceMetrics,
    /// The resource, with values that the SDK's own resource cannot hold.
    pub resource: &'a Resource,
    pub(crate) doubles: &'a DoubleInstruments,
    /// How many of the points an earlier attempt has settled, in the order in which they stand: delivered or lost.
    pub(crate) settled: &'a AtomicUsize,
}

impl MetricBatch<'_> {
    /// Whether the doubles of an instrument are whole numbers to Python.
    pub(crate) fn is_integral(&self, scope: &str, instrument: &str) -> bool {
        !self.doubles.contains(scope, instrument)
    }
}

/// A metric exporter. It is used by one thread at a time.
pub trait MetricExport: Send + Sync {
    /// Sends a batch, in one attempt. It returns within a bounded time of its own, and within `within` if that is given.
    ///
    /// # Errors
    ///
    /// A sentence for the log, and whether another attempt may help.
    fn export(&self, batch: &MetricBatch<'_>, within: Option<Duration>) -> Result<(), ExportError>;

    /// Which temporality the exporter wants for instruments of a kind. Gauges have none: the last value is exported each
    /// time.
    fn temporality(&self, kind: InstrumentKind) -> Temporality;

    /// How it wants the instruments of a kind aggregated; `None` for the default of the kind.
    fn aggregation(&self, _kind: InstrumentKind) -> Option<Aggregation> {
        None
    }

    /// How long a caller who waits for it tries again what failed for the moment.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    /// Lets go of what it holds. Nothing is exported afterwards.
    fn shutdown(&self) {}
}

/// The temporality of a kind of instrument under a preference (OpenTelemetry specification, OTLP Metrics Exporter,
/// Additional Environment Variable Configuration).
pub fn preferred_temporality(preference: Temporality, kind: InstrumentKind) -> Temporality {
    use InstrumentKind::{Counter, Histogram, ObservableCounter};
    match (preference, kind) {
        (Temporality::Delta, Counter | Histogram | ObservableCounter) => Temporality::Delta,
        (Temporality::LowMemory, Counter | Histogram) => Temporality::Delta,
        _ => Temporality::Cumulative,
    }
}

/// Makes an exporter in each process that needs one. It makes no connection yet.
pub type MetricExporterFactory = Arc<dyn Fn() -> Box<dyn MetricExport> + Send + Sync>;
