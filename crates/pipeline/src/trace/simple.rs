//! The simple span processor: exports each span when it ends, on the thread that ends it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::export::SpanExport;
use super::{SpanExporterFactory, SpanProcessor, SpanRecord};
use crate::diagnostics::{self, Level};
use crate::process::PerProcess;

/// How often a deadline is looked at while another thread exports.
const POLL: Duration = Duration::from_millis(1);

/// Exports each span at once. For development: the application waits for every export.
pub struct SimpleSpanProcessor {
    factory: SpanExporterFactory,
    exporter: PerProcess<Mutex<Option<Box<dyn SpanExport + Send>>>>,
    dropped: AtomicU64,
    shut_down: AtomicBool,
}

impl SimpleSpanProcessor {
    /// A processor that exports with what `factory` makes at the first span.
    pub fn new(factory: SpanExporterFactory) -> Self {
        Self { factory, exporter: PerProcess::new(), dropped: AtomicU64::new(0), shut_down: AtomicBool::new(false) }
    }

    fn export(&self, span: &Arc<SpanRecord>) -> Result<(), String> {
        let slot = self.exporter.get_or_build(Mutex::default);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let exporter = match &mut *slot {
            Some(exporter) => exporter,
            None => slot.insert((self.factory)()?),
        };
        exporter.export(vec![Arc::clone(span)], &span.origin.resource)
    }
}

impl SpanProcessor for SimpleSpanProcessor {
    fn on_end(&self, span: &Arc<SpanRecord>) {
        if !span.context.is_sampled() {
            return;
        }
        let result = if self.shut_down.load(Ordering::Acquire) {
            Err("the processor is shut down".to_owned())
        } else {
            self.export(span)
        };
        if let Err(error) = result {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            diagnostics::report(Level::Error, "trace.export", format!("a span was not exported: {error}"));
        }
    }

    fn blocks(&self) -> bool {
        true
    }

    fn force_flush(&self, _timeout: Duration) -> bool {
        true
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return true;
        }
        let Some(slot) = self.exporter.get() else { return true };
        let deadline = Instant::now() + timeout;
        loop {
            // A thread whose export hangs holds the lock; the deadline holds all the same.
            match slot.try_lock() {
                Ok(mut slot) => {
                    if let Some(mut exporter) = slot.take() {
                        exporter.shutdown();
                    }
                    return true;
                }
                Err(_) if Instant::now() < deadline => std::thread::sleep(POLL),
                Err(_) => return false,
            }
        }
    }

    fn dropped_spans(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
