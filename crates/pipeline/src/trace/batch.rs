//! The batch span processor: a bounded queue and the thread that exports from it.

mod config;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use config::{BatchConfig, ConfigError};

use self::worker::{Phase, Shared};
use super::{SpanExporterFactory, SpanProcessor, SpanRecord};
use crate::process::PerProcess;

/// Queues finished spans and exports them in batches, on a thread of its own.
///
/// The thread starts with the first span of a process and builds the exporter itself. A forked child starts with an
/// empty queue and a new thread. As in the Python SDK, a full queue drops its oldest span.
pub struct BatchSpanProcessor {
    config: BatchConfig,
    factory: SpanExporterFactory,
    shared: PerProcess<Arc<Shared>>,
    /// Outlives a fork, as drops before it happened in what is still this program.
    dropped: Arc<AtomicU64>,
    shut_down: std::sync::atomic::AtomicBool,
}

impl BatchSpanProcessor {
    /// A processor that exports with what `factory` makes. Starts nothing.
    pub fn new(config: BatchConfig, factory: SpanExporterFactory) -> Self {
        Self {
            config,
            factory,
            shared: PerProcess::new(),
            dropped: Arc::default(),
            shut_down: std::sync::atomic::AtomicBool::new(false),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.shared.get_or_build(|| {
            Arc::new(Shared::new(self.config.clone(), Arc::clone(&self.factory), Arc::clone(&self.dropped)))
        })
    }
}

/// Lets the thread export what is queued and leave; waits for nothing.
impl Drop for BatchSpanProcessor {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.get() {
            shared.drain();
        }
    }
}

impl SpanProcessor for BatchSpanProcessor {
    fn on_end(&self, span: &Arc<SpanRecord>) {
        if !span.context.is_sampled() {
            return;
        }
        if self.shut_down.load(Ordering::Acquire) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let shared = self.shared();
        let mut queue = shared.lock();
        if queue.phase != Phase::Running {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if queue.spans.len() >= self.config.max_queue_size {
            queue.spans.pop_front();
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        queue.spans.push_back(Arc::clone(span));
        if !queue.has_worker {
            queue.has_worker = worker::start(shared);
        } else if queue.spans.len() >= self.config.max_export_batch_size && !queue.woken {
            queue.woken = true;
            shared.wake.notify_one();
        }
    }

    fn blocks(&self) -> bool {
        false
    }

    fn force_flush(&self, timeout: Duration) -> bool {
        if self.shut_down.load(Ordering::Acquire) {
            return false;
        }
        self.shared.get().is_none_or(|shared| shared.flush(Instant::now() + timeout))
    }

    fn shutdown(&self, timeout: Duration) -> bool {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return true;
        }
        self.shared.get().is_none_or(|shared| shared.shut_down(Instant::now() + timeout))
    }

    fn dropped_spans(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
