//! What is told of finished spans.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::SpanRecord;
use crate::process::drain::Drain;
use crate::queue::{DropCounts, Pending, Signal, wait_until};

/// How the log speaks of spans.
pub(super) static SPANS: Signal = Signal {
    noun: "spans",
    counted: true,
    export: "trace.export",
    overflow: "trace.overflow",
    shutdown: "trace.shutdown",
    thread: "trace.thread",
    advice: "Raise OTEL_BSP_MAX_QUEUE_SIZE, sample less, or see why the collector is slow or gone",
};

/// A native span processor.
pub trait SpanProcessor: Drain {
    /// Takes a finished span. Spans that are not sampled are passed over.
    fn on_end(&self, span: &Arc<SpanRecord>);

    /// Whether [`Self::on_end`] may wait for the network, so that a caller should let go of the interpreter first.
    fn blocks(&self) -> bool;

    /// Begins to export what it holds. It fails if something of that is lost, or was since the last flush, and after a
    /// shutdown. Returns at once and starts no thread per call.
    fn begin_flush(&self) -> Box<dyn Pending>;

    /// Begins to export what it holds until the deadline, and takes nothing more; the rest is then lost. Returns at once.
    fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending>;

    /// Whether it holds something that is not exported yet.
    fn queued(&self) -> bool;

    /// How many spans it took and will not export, by cause.
    fn drops(&self) -> DropCounts;

    /// Exports what it holds. False if that took longer than `timeout` or something was lost, and after a shutdown.
    fn force_flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        wait_until(self.begin_flush(), deadline)
    }

    /// Exports what it holds and takes nothing more. False if that took longer than `timeout`; the rest is then lost.
    fn shutdown(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        wait_until(self.begin_shutdown(deadline), deadline)
    }

    /// How many spans it took and will not export.
    fn dropped_spans(&self) -> u64 {
        self.drops().total()
    }
}
