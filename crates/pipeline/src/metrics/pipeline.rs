//! What one Python `MeterProvider` stands for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use opentelemetry::metrics::{Meter as SdkMeter, MeterProvider as _};
use opentelemetry_sdk::metrics::{Aggregation, Instrument as SdkInstrument, InstrumentKind, SdkMeterProvider, Stream};

use super::instrument::Meter;
use super::number::DoubleInstruments;
use super::reader::{METRICS, Measured, Reader, ReaderConfig, Shared};
use crate::diagnostics::{self, Level};
use crate::process::{self, PerProcess};
use crate::queue::{DropCounts, Drops, Over, Pending, wait_until};
use crate::resource::Resource;
use crate::trace::Scope;

/// How long the readers of a pipeline that nobody has shut down go on when it is dropped.
const LAST_EXPORT: Duration = Duration::from_secs(10);

/// The SDK's meter provider of one process, and its readers.
struct Running {
    provider: SdkMeterProvider,
    readers: Vec<Reader>,
    measured: Arc<Measured>,
}

/// A meter provider whose parts are built by the first record of each process.
pub struct MeterPipeline {
    resource: Arc<Resource>,
    generation: u64,
    readers: Vec<ReaderConfig>,
    doubles: Arc<DoubleInstruments>,
    shut_down: AtomicBool,
    drops: Arc<Drops>,
    /// A lock inside `PerProcess`: threads that race must not measure for two providers.
    running: PerProcess<OnceLock<Running>>,
}

impl MeterPipeline {
    /// A pipeline of these readers. It starts nothing yet.
    pub fn new(resource: Arc<Resource>, readers: Vec<ReaderConfig>) -> Arc<Self> {
        Arc::new(Self {
            resource,
            generation: process::generation(),
            readers,
            doubles: Arc::default(),
            shut_down: AtomicBool::new(false),
            drops: Arc::new(Drops::new(&METRICS)),
            running: PerProcess::new(),
        })
    }

    /// A meter of a scope.
    pub fn meter(self: &Arc<Self>, scope: Scope) -> Arc<Meter> {
        Arc::new(Meter::new(Arc::clone(self), scope))
    }

    /// The resource in this process.
    pub fn resource(&self) -> Arc<Resource> {
        if process::generation() == self.generation {
            Arc::clone(&self.resource)
        } else {
            Arc::new(self.resource.for_this_process())
        }
    }

    /// Begins to export what there is. It fails if something is lost, or was since the last flush, and after a shutdown.
    /// Returns at once and starts no thread per call.
    pub fn begin_flush(&self) -> Box<dyn Pending> {
        let Some(running) = self.running() else { return Box::new(Over(true)) };
        let flush = |reader: &Reader| reader.queue.begin_flush(|| reader.start(&running.provider));
        Box::new(All(running.readers.iter().map(flush).collect(), true))
    }

    /// Begins to export what there is, for the last time, until the deadline; the rest is then lost. A later call is over
    /// when the first one is, at its own deadline at the latest. Returns at once.
    pub fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending> {
        self.shut_down.store(true, Ordering::Release);
        let Some(running) = self.running() else { return Box::new(Over(true)) };
        let end = |reader: &Reader| reader.queue.begin_shutdown(deadline, || reader.start(&running.provider));
        Box::new(All(running.readers.iter().map(end).collect(), true))
    }

    /// Whether something was measured that is not exported yet.
    pub fn queued(&self) -> bool {
        let Some(running) = self.running() else { return false };
        if self.is_shut_down() {
            // What it measures now is nobody's, but the last export may not be over.
            return running.readers.iter().any(|reader| reader.queue.has_queued());
        }
        running.readers.iter().any(Reader::has_queued)
    }

    /// How many collections were not exported, by cause.
    pub fn drops(&self) -> DropCounts {
        self.drops.counts()
    }

    /// Exports what there is. False if that took longer than `timeout` or failed.
    pub fn force_flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        wait_until(self.begin_flush(), deadline)
    }

    /// Exports what there is, for the last time. False if that took longer than `timeout`; the rest is then lost.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        wait_until(self.begin_shutdown(deadline), deadline)
    }

    /// Whether [`Self::shutdown`] was called, in this process or in one that it was forked from.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }

    pub(super) fn doubles(&self) -> &DoubleInstruments {
        &self.doubles
    }

    /// The SDK's meter of a scope, on the SDK's provider of this process, built now if there is none, and where
    /// measurements are noted. `None` if nobody reads: without readers, or after a shutdown.
    pub(super) fn sdk_meter(&self, scope: &Scope) -> Option<(SdkMeter, Arc<Measured>)> {
        if self.readers.is_empty() || self.is_shut_down() {
            return None;
        }
        let running = self.running.get_or_build(OnceLock::new).get_or_init(|| self.start());
        Some((running.provider.meter_with_scope(scope.to_otel()), Arc::clone(&running.measured)))
    }

    fn running(&self) -> Option<&Running> {
        self.running.get().and_then(OnceLock::get)
    }

    fn start(&self) -> Running {
        let resource = self.resource();
        let mut builder = SdkMeterProvider::builder().with_resource(resource.to_sdk());
        let measured = Arc::<Measured>::default();
        let doubles = Arc::clone(&self.doubles);
        let shared = Arc::new(Shared { resource, doubles, measured: Arc::clone(&measured) });
        let reader = |(index, config)| Reader::new(index, config, &shared, &self.drops);
        let readers: Vec<_> = self.readers.iter().enumerate().map(reader).collect();
        for reader in &readers {
            builder = builder.with_reader(reader.source());
        }
        if let Some(aggregations) = aggregations(&readers) {
            builder = builder.with_view(move |instrument: &SdkInstrument| {
                let aggregation = aggregations.get(&instrument.kind())?.clone();
                Stream::builder().with_aggregation(aggregation).build().ok()
            });
        }
        Running { provider: builder.build(), readers, measured }
    }

    /// Notes that something was measured since a reader last collected, and sees to it that the readers run.
    #[cold]
    pub(super) fn note_measurement(&self) {
        let Some(running) = self.running() else { return };
        // All of them, though one could not be started.
        let started = running
            .readers
            .iter()
            .filter(|reader| reader.queue.ensure_worker(|| reader.start(&running.provider)))
            .count();
        // If not, the next measurement tries again.
        if started == running.readers.len() {
            running.measured.note();
        }
    }
}

/// Which kinds of instruments are aggregated otherwise than by default. The SDK has one way for all readers: that of the
/// first one that asks for one.
fn aggregations(readers: &[Reader]) -> Option<HashMap<InstrumentKind, Aggregation>> {
    use InstrumentKind::{Counter, Gauge, Histogram, UpDownCounter};
    let wanted = |reader: &Reader| {
        let of = |kind| reader.aggregation(kind).map(|aggregation| (kind, aggregation));
        [Counter, UpDownCounter, Histogram, Gauge].into_iter().filter_map(of).collect::<HashMap<_, _>>()
    };
    let all: Vec<_> = readers.iter().map(wanted).collect();
    let first = all.iter().find(|wanted| !wanted.is_empty())?.clone();
    if all.iter().any(|wanted| *wanted != first) {
        let message = "the readers of one MeterProvider prefer different aggregations; expected one for all of them; using \
                       that of the first reader that has a preference";
        diagnostics::report(Level::Warning, "metrics.aggregation", message);
    }
    Some(first)
}

/// Lets the readers export what there is and leave; waits for nothing.
impl Drop for MeterPipeline {
    fn drop(&mut self) {
        if !self.is_shut_down() {
            drop(self.begin_shutdown(Instant::now() + LAST_EXPORT));
        }
    }
}

/// Several of them, side by side, and whether those that are over had no loss.
struct All(Vec<Box<dyn Pending>>, bool);

impl Pending for All {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        let until = Instant::now() + at_most;
        let good = &mut self.1;
        self.0.retain_mut(|pending| match pending.wait(until.saturating_duration_since(Instant::now())) {
            Some(outcome) => {
                *good &= outcome;
                false
            }
            None => true,
        });
        self.0.is_empty().then_some(*good)
    }
}

#[cfg(not(feature = "model"))]
#[cfg(test)]
mod tests;
