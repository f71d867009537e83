//! Spans: their state, samplers, ids, processors, the queue and its export thread.

mod batch;
mod console;
mod context;
mod direct;
mod export;
mod id_generator;
mod limits;
mod processor;
mod record;
mod sampler;
mod simple;
#[cfg(test)]
mod tests;

pub use batch::BatchSpanProcessor;
pub use console::{ConsoleSpanExporter, span_json};
pub use context::{SpanContext, TraceFlags};
pub use direct::DirectExporter;
pub use export::{QueuedSpan, SpanExport, SpanExporterFactory};
pub use id_generator::{random_span_id, random_trace_id};
pub use limits::{Limit, RequestedLimits, SpanLimits};
pub use processor::SpanProcessor;
pub use record::{Event, Link, Origin, Scope, SpanKind, SpanRecord, Status, StatusCode, Successor};
pub use sampler::{Delegate, ParentBased, RootSampler, Sampler};
pub use simple::SimpleSpanProcessor;

pub use crate::queue::{BatchConfig, ConfigError};
