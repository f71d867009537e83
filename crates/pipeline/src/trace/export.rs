//! What sends finished spans.

use std::sync::Arc;
use std::time::Duration;

use super::{Origin, SpanRecord};
use crate::queue::{Batched, Failure};
use crate::resource::Resource;

/// A finished span that waits for its export.
#[derive(Clone, Debug)]
pub enum QueuedSpan {
    /// As it was recorded.
    Record(Arc<SpanRecord>),
    /// As an exporter has encoded it for an attempt that failed; only the same exporter gets it.
    Encoded(Arc<Origin>, Box<[u8]>),
}

impl QueuedSpan {
    /// Scope and resource.
    pub fn origin(&self) -> &Arc<Origin> {
        match self {
            Self::Record(record) => record.latest_origin(),
            Self::Encoded(origin, _) => origin,
        }
    }

    /// What is to be exported now; `None` if the span was withheld since it ended.
    pub fn latest(self) -> Option<Self> {
        match self {
            Self::Record(record) => record.latest().map(Self::Record),
            encoded @ Self::Encoded(..) => Some(encoded),
        }
    }
}

impl Batched for QueuedSpan {
    /// One batch has one resource. All spans have the same, unless the processor serves several providers.
    fn batches_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.origin().resource, &other.origin().resource)
    }
}

/// A span exporter. It is built, used and dropped on one thread, so it may hold what is not meant for several.
pub trait SpanExport {
    /// Sends spans that share a resource, in one attempt. It returns within a bounded time of its own, and within
    /// `within` if that is given.
    ///
    /// # Errors
    ///
    /// A sentence for the log, and what to try again if that may help.
    fn export(
        &mut self,
        spans: Vec<QueuedSpan>,
        resource: &Resource,
        within: Option<Duration>,
    ) -> Result<(), Failure<QueuedSpan>>;

    /// How long a caller who waits for it tries again what failed for the moment.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    /// Lets go of what it holds. Nothing is exported afterwards.
    fn shutdown(&mut self) {}
}

/// Makes an exporter, on the thread that will use it and not before its first span, so that sockets and TLS come after
/// a fork. The error is a sentence for the log.
pub type SpanExporterFactory = Arc<dyn Fn() -> Result<Box<dyn SpanExport + Send>, String> + Send + Sync>;
