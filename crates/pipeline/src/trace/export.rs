//! What sends finished spans.

use std::sync::Arc;

use super::SpanRecord;
use crate::resource::Resource;

/// A span exporter. It is built, used and dropped on one thread, so it may hold what is not meant for several.
pub trait SpanExport {
    /// Sends spans that share a resource. The error is a sentence for the log, without secrets. It returns within a
    /// bounded time of its own.
    fn export(&mut self, spans: Vec<Arc<SpanRecord>>, resource: &Resource) -> Result<(), String>;

    /// Lets go of what it holds. Nothing is exported afterwards.
    fn shutdown(&mut self) {}
}

/// Makes an exporter, on the thread that will use it and not before its first span, so that sockets and TLS come after
/// a fork. The error is a sentence for the log.
pub type SpanExporterFactory = Arc<dyn Fn() -> Result<Box<dyn SpanExport + Send>, String> + Send + Sync>;
