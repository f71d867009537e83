//! Sending telemetry to a collector by OTLP, http/protobuf (OpenTelemetry specification, OTLP Exporter).
//!
//! `opentelemetry-proto` is the wire format; a blocking client sends it, in one attempt: the queue tries again. The
//! configuration is read once, by a thread that is attached to the interpreter: an export thread must not call `getenv`
//! while Python may call `setenv`. Sockets and TLS are made by the first export, and so is the one thread that looks up a
//! name.

mod answer;
mod common_proto;
mod compression;
mod config;
mod credentials;
mod endpoint;
mod hand_over;
mod headers;
mod http_client;
mod metric;
mod metric_proto;
mod metric_split;
mod proxy;
mod resolver;
mod sender;
mod signal;
mod socket;
mod span;
mod span_proto;
mod tls;

pub use compression::Compression;
pub use config::{OtlpArguments, OtlpConfig};
pub use hand_over::{HandOver, HandedAnswer, HandedRequest, Server};
pub use metric::{OtlpMetricArguments, OtlpMetricConfig};
pub use signal::Signal;
pub use span::{OtlpSpanExporter, otlp_span_exporter};
