//! The tracer and span faces that plugins use. What stands behind them, the native SDK or any provider through the
//! OpenTelemetry Python API, is not a plugin's concern.

mod api;
mod native;
mod span;
mod tracer;

pub use otel_rs_abi::{SpanKind, StatusCode};
pub use span::Span;
pub use tracer::{SpanBuilder, Tracer};
