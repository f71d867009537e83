//! What is told of finished spans.

use std::sync::Arc;
use std::time::Duration;

use super::SpanRecord;

/// A native span processor.
pub trait SpanProcessor: Send + Sync {
    /// Takes a finished span. Spans that are not sampled are passed over.
    fn on_end(&self, span: &Arc<SpanRecord>);

    /// Whether [`Self::on_end`] may wait for the network, so that a caller should let go of the interpreter first.
    fn blocks(&self) -> bool;

    /// Exports what it holds. False if that took longer than `timeout` or after a shutdown.
    fn force_flush(&self, timeout: Duration) -> bool;

    /// Exports what it holds and takes nothing more. False if that took longer than `timeout`; the rest is then lost.
    fn shutdown(&self, timeout: Duration) -> bool;

    /// How many spans it took and will not export.
    fn dropped_spans(&self) -> u64;
}
