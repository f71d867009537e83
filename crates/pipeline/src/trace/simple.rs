//! The simple span processor: exports each span when it ends, on the thread that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::direct::DirectExporter;
use super::processor::SPANS;
use super::{SpanExporterFactory, SpanProcessor, SpanRecord};
use crate::diagnostics::{self, Level};
use crate::queue::{DropCounts, Drops, Lost, Over, Pending};

/// Exports each span at once. For development: the application waits for every export.
pub struct SimpleSpanProcessor {
    exporter: DirectExporter,
    drops: Drops,
    /// Something was lost since the last flush.
    unanswered_loss: AtomicBool,
}

impl SimpleSpanProcessor {
    /// A processor that exports with what `factory` makes at the first span.
    pub fn new(factory: SpanExporterFactory) -> Self {
        Self {
            exporter: DirectExporter::new(factory),
            drops: Drops::new(&SPANS),
            unanswered_loss: AtomicBool::new(false),
        }
    }
}

impl SpanProcessor for SimpleSpanProcessor {
    fn on_end(&self, span: &Arc<SpanRecord>) {
        if !span.context.is_sampled() {
            return;
        }
        let (cause, result) = match self.exporter.is_shut_down() {
            true => (Lost::AfterShutdown, Err("the processor is shut down".to_owned())),
            false => (Lost::Failed, self.exporter.export(vec![Arc::clone(span)])),
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
        let lost = self.unanswered_loss.swap(false, Ordering::AcqRel);
        self.exporter.under_way().filter(|_| !lost).unwrap_or_else(|| Box::new(Over(!lost)))
    }

    fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending> {
        self.exporter.begin_shutdown(deadline)
    }

    fn queued(&self) -> bool {
        self.exporter.under_way().is_some()
    }

    fn drops(&self) -> DropCounts {
        self.drops.counts()
    }
}
