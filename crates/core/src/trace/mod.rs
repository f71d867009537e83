//! The tracer and span faces that plugins use. What stands behind them, the native SDK or any provider through the
//! OpenTelemetry Python API, is not a plugin's concern.

mod api;
mod handoff;
mod in_span;
mod native;
mod sampler;
mod span;
mod tracer;

pub(crate) use api::set_status as set_status_of;
pub use handoff::{Handoff, HandoffKind};
pub use otel_rs_abi::{SpanKind, StatusCode};
pub use span::{Span, message};
pub use tracer::{SpanBuilder, Tracer};
