//! What one Python `MeterProvider` stands for.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use opentelemetry::metrics::{Meter as SdkMeter, MeterProvider as _};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};

use super::instrument::Meter;
use super::number::DoubleInstruments;
use super::reader::{Closed, ReaderConfig, ReportingExporter};
use crate::diagnostics::{self, Level};
use crate::process::{self, PerProcess, thread};
use crate::queue::{Over, Pending, wait_until};
use crate::resource::Resource;
use crate::trace::Scope;

/// The SDK's meter provider of one process, and its readers.
struct Running {
    /// Never dropped: dropping it exports and waits, which only an explicit shutdown may do.
    provider: ManuallyDrop<SdkMeterProvider>,
    readers: Vec<Arc<Closed>>,
}

/// A meter provider whose parts are built by the first record of each process.
pub struct MeterPipeline {
    resource: Arc<Resource>,
    generation: u64,
    readers: Vec<ReaderConfig>,
    doubles: Arc<DoubleInstruments>,
    shut_down: AtomicBool,
    /// A lock inside `PerProcess`: building starts threads, which threads that race must not do twice.
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

    /// Begins to export what there is. It fails if the export does.
    pub fn begin_flush(&self) -> Box<dyn Pending> {
        let Some(running) = self.running() else { return Box::new(Over(true)) };
        let provider = SdkMeterProvider::clone(&running.provider);
        on_thread("otel-rs-metrics-flush", move || provider.force_flush().is_ok())
    }

    /// Begins to export what there is, for the last time, until the deadline; the rest is then lost. Only the first call
    /// does something.
    pub fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending> {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Box::new(Over(true));
        }
        let Some(running) = self.running() else { return Box::new(Over(true)) };
        let provider = SdkMeterProvider::clone(&running.provider);
        let readers = running.readers.clone();
        // It waits five seconds per reader at most, whatever the deadline; each reader says itself when it is done.
        on_thread("otel-rs-metrics-shutdown", move || {
            drop(provider.shutdown());
            readers.iter().all(|reader| reader.wait_until(deadline))
        })
    }

    /// Whether something was measured since the last export.
    pub fn queued(&self) -> bool {
        self.running().is_some()
    }

    /// Exports what there is. False if that took longer than `timeout` or failed.
    pub fn force_flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        wait_until(self.begin_flush(), deadline)
    }

    /// Exports what there is, for the last time. False if that took longer than `timeout`; the rest is then lost. Only
    /// the first call does something.
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

    /// The SDK's meter of a scope, on the SDK's provider of this process, built now if there is none. `None` if nobody
    /// reads: without readers, or after a shutdown.
    pub(super) fn sdk_meter(&self, scope: &Scope) -> Option<SdkMeter> {
        if self.readers.is_empty() || self.is_shut_down() {
            return None;
        }
        let running = self.running.get_or_build(OnceLock::new).get_or_init(|| self.start());
        Some(running.provider.meter_with_scope(scope.to_otel()))
    }

    fn running(&self) -> Option<&Running> {
        self.running.get().and_then(OnceLock::get)
    }

    fn start(&self) -> Running {
        let resource = self.resource();
        let mut builder = SdkMeterProvider::builder().with_resource(resource.to_sdk());
        let mut readers = Vec::with_capacity(self.readers.len());
        for config in &self.readers {
            let closed = Arc::<Closed>::default();
            let exporter = ReportingExporter {
                exporter: (config.exporter)(),
                resource: Arc::clone(&resource),
                doubles: Arc::clone(&self.doubles),
                closed: Arc::clone(&closed),
            };
            // It starts a thread.
            let reader =
                thread::without_signals(|| PeriodicReader::builder(exporter).with_interval(config.interval).build());
            builder = builder.with_reader(reader);
            readers.push(closed);
        }
        Running { provider: ManuallyDrop::new(builder.build()), readers }
    }
}

/// Runs what may wait for the network where nobody waits for it longer than they want.
fn on_thread(name: &str, body: impl FnOnce() -> bool + Send + 'static) -> Box<dyn Pending> {
    let (done, result) = mpsc::channel();
    let spawned = thread::spawn(name, move || {
        let _ = done.send(body());
    });
    if let Err(error) = spawned {
        diagnostics::report(Level::Error, "metrics.thread", format!("no thread for {name}: {error}"));
        return Box::new(Over(false));
    }
    Box::new(OnThread(result))
}

struct OnThread(mpsc::Receiver<bool>);

impl Pending for OnThread {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        match self.0.recv_timeout(at_most) {
            Ok(outcome) => Some(outcome),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some(false),
        }
    }
}

#[cfg(test)]
mod tests;
