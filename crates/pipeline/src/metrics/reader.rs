//! The periodic reader: collects and exports on a thread of its own, which starts with the first record of a process.
//!
//! `opentelemetry_sdk` aggregates. Its own periodic reader starts its thread when it is built, waits without a bound of
//! the caller's in a flush, and forgets what a failed export carried.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{Aggregation, InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};

use super::export::{MetricBatch, MetricExport, MetricExporterFactory};
use super::number::DoubleInstruments;
use crate::environment;
use crate::queue::{self, BatchQueue, Batched, Drops, ExportError, Failure, Retry, Signal, Sink};
use crate::resource::Resource;

/// How the log speaks of metrics.
pub(super) static METRICS: Signal = Signal {
    noun: "metrics",
    counted: false,
    export: "export.metrics",
    overflow: "metrics.overflow",
    shutdown: "metrics.shutdown",
    thread: "metrics.thread",
    advice: "See why the collector is gone",
};

/// A reader that exports from time to time.
#[derive(Clone)]
pub struct ReaderConfig {
    /// Makes the exporter.
    pub exporter: MetricExporterFactory,
    /// Time between two exports.
    pub interval: Duration,
}

impl ReaderConfig {
    /// `OTEL_METRIC_EXPORT_INTERVAL`, by default a minute.
    pub fn default_interval() -> Duration {
        environment::millis("OTEL_METRIC_EXPORT_INTERVAL", Duration::from_secs(60))
    }

    /// `OTEL_METRIC_EXPORT_TIMEOUT`, by default 30 s.
    pub fn default_timeout() -> Duration {
        environment::millis("OTEL_METRIC_EXPORT_TIMEOUT", Duration::from_secs(30))
    }
}

/// Which readers of a process have something to collect: a bit for each that has been measured for since it last did.
#[derive(Debug, Default)]
pub(super) struct Measured(AtomicU32);

impl Measured {
    /// Whether a measurement changes nothing here: what all but the first after a collection find.
    pub(super) fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed) == u32::MAX
    }

    pub(super) fn note(&self) {
        self.0.store(u32::MAX, Ordering::Release);
    }

    /// Readers beyond the width share the last bit, and export once more than they need to.
    fn bit(reader: usize) -> u32 {
        1 << reader.min(31)
    }

    fn clear(&self, reader: usize) {
        self.0.fetch_and(!Self::bit(reader), Ordering::AcqRel);
    }

    fn has(&self, reader: usize) -> bool {
        self.0.load(Ordering::Acquire) & Self::bit(reader) != 0
    }
}

/// What the readers of one process share.
pub(super) struct Shared {
    pub(super) resource: Arc<Resource>,
    pub(super) doubles: Arc<DoubleInstruments>,
    pub(super) measured: Arc<Measured>,
}

/// A reader of one process.
pub(super) struct Reader {
    index: usize,
    shared: Arc<Shared>,
    source: Source,
    pub(super) queue: Arc<BatchQueue<Collection>>,
}

impl Reader {
    pub(super) fn new(index: usize, config: &ReaderConfig, shared: &Arc<Shared>, drops: &Arc<Drops>) -> Self {
        let source = Source { reader: Arc::default(), exporter: Arc::from((config.exporter)()) };
        let queue = BatchQueue::collecting(config.interval, Arc::clone(drops));
        Self { index, shared: Arc::clone(shared), source, queue }
    }

    /// How its exporter wants the instruments of a kind aggregated.
    pub(super) fn aggregation(&self, kind: InstrumentKind) -> Option<Aggregation> {
        self.source.exporter.aggregation(kind)
    }

    /// What the SDK's meter provider is built with.
    pub(super) fn source(&self) -> Source {
        self.source.clone()
    }

    /// Starts the thread. False, with a line for the log, if there is none to be had.
    pub(super) fn start(&self, provider: &SdkMeterProvider) -> bool {
        let worker = Worker {
            index: self.index,
            shared: Arc::clone(&self.shared),
            source: self.source.clone(),
            _provider: provider.clone(),
        };
        queue::start("otel-rs-metrics", &self.queue, worker)
    }

    /// Whether something was measured that is not exported yet.
    pub(super) fn has_queued(&self) -> bool {
        self.shared.measured.has(self.index) || self.queue.has_queued()
    }
}

/// Where the SDK is asked for what it has aggregated.
#[derive(Clone)]
pub(super) struct Source {
    reader: Arc<ManualReader>,
    exporter: Arc<dyn MetricExport>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Source")
    }
}

impl MetricReader for Source {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.reader.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.reader.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    /// A gauge that was set once is exported each time, whatever the temporality.
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        match kind {
            InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Temporality::Cumulative,
            _ => self.exporter.temporality(kind),
        }
    }
}

/// One collection, and how many of its points are settled.
pub(super) struct Collection(ResourceMetrics, AtomicUsize);

impl Batched for Collection {
    /// A batch has one collection anyway.
    fn batches_with(&self, _other: &Self) -> bool {
        true
    }
}

/// Collects and exports, on the reader's thread.
struct Worker {
    index: usize,
    shared: Arc<Shared>,
    source: Source,
    /// What is aggregated lives as long as somebody collects it.
    _provider: SdkMeterProvider,
}

impl Worker {
    /// Whether a later collection has all that an earlier one had.
    fn is_cumulative(&self) -> bool {
        use InstrumentKind::{Counter, Histogram, ObservableCounter, ObservableUpDownCounter, UpDownCounter};
        [Counter, Histogram, ObservableCounter, ObservableUpDownCounter, UpDownCounter]
            .into_iter()
            .all(|kind| self.source.exporter.temporality(kind) == Temporality::Cumulative)
    }
}

impl Sink<Collection> for Worker {
    fn collect(&mut self) -> Result<Vec<Collection>, String> {
        // First, so that what is measured meanwhile counts for the next collection, if perhaps for this one too.
        self.shared.measured.clear(self.index);
        let mut metrics = ResourceMetrics::default();
        self.source.collect(&mut metrics).map_err(|error| format!("they could not be collected: {error}"))?;
        let something = metrics.scope_metrics().any(|scope| scope.metrics().next().is_some());
        Ok(if something { vec![Collection(metrics, AtomicUsize::new(0))] } else { Vec::new() })
    }

    fn export(&mut self, batch: Vec<Collection>, within: Option<Duration>) -> Result<(), Failure<Collection>> {
        for collection in batch {
            let Shared { resource, doubles, .. } = &*self.shared;
            let metrics = MetricBatch { metrics: &collection.0, resource, doubles, settled: &collection.1 };
            let Err(ExportError { message, retry }) = self.source.exporter.export(&metrics, within) else { continue };
            let retry = retry.map(|after| {
                let items = if self.is_cumulative() { Vec::new() } else { vec![collection] };
                Retry { items, after }
            });
            return Err(Failure { message, delivered: 0, retry });
        }
        Ok(())
    }

    fn patience(&self) -> Duration {
        self.source.exporter.patience()
    }

    fn shutdown(&mut self) {
        self.source.exporter.shutdown();
    }
}

#[cfg(not(feature = "model"))]
#[cfg(test)]
mod tests;
