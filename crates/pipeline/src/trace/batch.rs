//! The batch span processor: the queue of spans, and the thread that exports from it.

#[cfg(not(feature = "model"))]
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::export::{QueuedSpan, SpanExport, SpanExporterFactory};
use super::processor::SPANS;
use super::{SpanProcessor, SpanRecord};
use crate::process::PerProcess;
use crate::queue::{self, BatchConfig, BatchQueue, DropCounts, Drops, Failure, Lost, Over, Pending, Sink};

/// How long the thread of a processor that nobody has shut down goes on when the processor is dropped.
const LAST_EXPORT: Duration = Duration::from_secs(10);

/// Queues finished spans and exports them in batches, on a thread of its own.
///
/// The thread starts with the first span of a process and builds the exporter itself. A forked child starts with an
/// empty queue and a new thread. As in the Python SDK, a full queue drops its oldest span.
pub struct BatchSpanProcessor {
    config: BatchConfig,
    factory: SpanExporterFactory,
    queue: PerProcess<Arc<BatchQueue<QueuedSpan>>>,
    drops: Arc<Drops>,
    shut_down: AtomicBool,
}

impl BatchSpanProcessor {
    /// A processor that exports with what `factory` makes. Starts nothing.
    pub fn new(config: BatchConfig, factory: SpanExporterFactory) -> Self {
        Self {
            config,
            factory,
            queue: PerProcess::new(),
            drops: Arc::new(Drops::new(&SPANS)),
            shut_down: AtomicBool::new(false),
        }
    }

    fn queue(&self) -> &Arc<BatchQueue<QueuedSpan>> {
        self.queue.get_or_build(|| BatchQueue::new(self.config.clone(), Arc::clone(&self.drops)))
    }

    #[cold]
    fn start(&self, queue: &Arc<BatchQueue<QueuedSpan>>) -> bool {
        queue::start("otel-rs-spans", queue, Exporter { factory: Arc::clone(&self.factory), exporter: None })
    }
}

/// Lets the thread export what is queued and leave; waits for nothing.
impl Drop for BatchSpanProcessor {
    fn drop(&mut self) {
        if !self.shut_down.load(Ordering::Acquire) {
            drop(self.begin_shutdown(Instant::now() + LAST_EXPORT));
        }
    }
}

impl SpanProcessor for BatchSpanProcessor {
    fn on_end(&self, span: &Arc<SpanRecord>) {
        if !span.context.is_sampled() {
            return;
        }
        if self.shut_down.load(Ordering::Acquire) {
            self.drops.add(Lost::AfterShutdown, 1);
            return;
        }
        let queue = self.queue();
        queue.push(QueuedSpan::Record(Arc::clone(span)), || self.start(queue));
    }

    fn blocks(&self) -> bool {
        false
    }

    fn begin_flush(&self) -> Box<dyn Pending> {
        if self.shut_down.load(Ordering::Acquire) {
            return Box::new(Over(false));
        }
        match self.queue.get() {
            Some(queue) => queue.begin_flush(|| self.start(queue)),
            None => Box::new(Over(true)),
        }
    }

    fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending> {
        self.shut_down.store(true, Ordering::Release);
        match self.queue.get() {
            Some(queue) => queue.begin_shutdown(deadline, || self.start(queue)),
            None => Box::new(Over(true)),
        }
    }

    fn queued(&self) -> bool {
        self.queue.get().is_some_and(|queue| queue.has_queued())
    }

    fn drops(&self) -> DropCounts {
        self.drops.counts()
    }
}

/// An exporter that is built by its first batch.
struct Exporter {
    factory: SpanExporterFactory,
    exporter: Option<Box<dyn SpanExport + Send>>,
}

impl Sink<QueuedSpan> for Exporter {
    fn export(&mut self, batch: Vec<QueuedSpan>, within: Option<Duration>) -> Result<(), Failure<QueuedSpan>> {
        let exporter = match &mut self.exporter {
            Some(exporter) => exporter,
            None => self.exporter.insert((self.factory)()?),
        };
        let batch: Vec<_> = batch.into_iter().filter_map(QueuedSpan::latest).collect();
        let Some(first) = batch.first() else { return Ok(()) };
        let resource = Arc::clone(&first.origin().resource);
        exporter.export(batch, &resource, within)
    }

    fn patience(&self) -> Duration {
        self.exporter.as_ref().map_or(Duration::ZERO, |exporter| exporter.patience())
    }

    fn shutdown(&mut self) {
        if let Some(exporter) = &mut self.exporter {
            exporter.shutdown();
        }
    }
}
