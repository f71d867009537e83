//! The simple span processor: exports each span when it ends, on the thread that ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::export::{QueuedSpan, SpanExport};
use super::processor::SPANS;
use super::{SpanExporterFactory, SpanProcessor, SpanRecord};
use crate::diagnostics::{self, Level};
use crate::process::PerProcess;
use crate::queue::{Backoff, DropCounts, Drops, Failure, Lost, Over, Pending};

/// How often a deadline is looked at while another thread exports.
const POLL: Duration = Duration::from_millis(1);
/// How often a thread that waits for another attempt looks whether the processor is shut down.
const NAP: Duration = Duration::from_millis(20);

type Slot = Arc<Mutex<Option<Box<dyn SpanExport + Send>>>>;

/// Exports each span at once. For development: the application waits for every export.
pub struct SimpleSpanProcessor {
    factory: SpanExporterFactory,
    exporter: PerProcess<Slot>,
    drops: Drops,
    /// Something was lost since the last flush.
    unanswered_loss: AtomicBool,
    shut_down: AtomicBool,
}

impl SimpleSpanProcessor {
    /// A processor that exports with what `factory` makes at the first span.
    pub fn new(factory: SpanExporterFactory) -> Self {
        Self {
            factory,
            exporter: PerProcess::new(),
            drops: Drops::new(&SPANS),
            unanswered_loss: AtomicBool::new(false),
            shut_down: AtomicBool::new(false),
        }
    }

    fn export(&self, span: &Arc<SpanRecord>) -> Result<(), String> {
        let slot = self.exporter.get_or_build(Slot::default);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let exporter = match &mut *slot {
            Some(exporter) => exporter,
            None => slot.insert((self.factory)()?),
        };
        let deadline = Instant::now() + exporter.patience();
        let mut spans = vec![QueuedSpan::Record(Arc::clone(span))];
        let mut backoff = Backoff::default();
        loop {
            let Err(Failure { message, retry }) = exporter.export(spans, &span.origin.resource, None) else {
                return Ok(());
            };
            let Some(retry) = retry else { return Err(message) };
            let now = Instant::now();
            backoff.failed(now, retry.after);
            let next = now + backoff.wait(now, false).unwrap_or_default();
            if next >= deadline {
                return Err(format!("{message} ({} attempts)", backoff.failures()));
            }
            while Instant::now() < next {
                if self.shut_down.load(Ordering::Acquire) {
                    return Err(message);
                }
                thread::sleep(NAP.min(next.saturating_duration_since(Instant::now())));
            }
            spans = retry.items;
        }
    }
}

impl SpanProcessor for SimpleSpanProcessor {
    fn on_end(&self, span: &Arc<SpanRecord>) {
        if !span.context.is_sampled() {
            return;
        }
        let (cause, result) = match self.shut_down.load(Ordering::Acquire) {
            true => (Lost::AfterShutdown, Err("the processor is shut down".to_owned())),
            false => (Lost::Failed, self.export(span)),
        };
        if let Err(error) = result {
            self.drops.add(cause, 1);
            self.unanswered_loss.store(true, Ordering::Release);
            diagnostics::report(Level::Error, "trace.export", format!("a span was not exported: {error}"));
        }
    }

    fn blocks(&self) -> bool {
        true
    }

    fn begin_flush(&self) -> Box<dyn Pending> {
        Box::new(Over(!self.unanswered_loss.swap(false, Ordering::AcqRel)))
    }

    fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending> {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Box::new(Over(true));
        }
        match self.exporter.get() {
            Some(slot) => Box::new(Closing { slot: Arc::clone(slot), deadline }),
            None => Box::new(Over(true)),
        }
    }

    fn queued(&self) -> bool {
        false
    }

    fn drops(&self) -> DropCounts {
        self.drops.counts()
    }
}

/// A shutdown that has begun: the exporter may be in use.
struct Closing {
    slot: Slot,
    deadline: Instant,
}

impl Pending for Closing {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        let until = (Instant::now() + at_most).min(self.deadline);
        loop {
            // A thread whose export hangs holds the lock; the deadline holds all the same.
            let mut slot = match self.slot.try_lock() {
                Ok(slot) => slot,
                Err(TryLockError::Poisoned(slot)) => slot.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    thread::sleep(POLL);
                    continue;
                }
                Err(TryLockError::WouldBlock) => return (Instant::now() >= self.deadline).then_some(false),
            };
            if let Some(mut exporter) = slot.take() {
                exporter.shutdown();
            }
            return Some(true);
        }
    }
}
