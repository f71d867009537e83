#![doc = include_str!("../README.md")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod baggage;
mod excerpt;
mod trace_context;
mod trace_state;

pub use baggage::{BaggageWarning, format_baggage, parse_baggage};
pub use excerpt::Excerpt;
pub use trace_context::{RemoteContext, TRACEPARENT_LEN, extract_traceparent, format_traceparent};
pub use trace_state::TraceStateWarning;
