//! Metrics: instruments, aggregation by `opentelemetry_sdk`, periodic export.
//!
//! A [`MeterPipeline`] is what one Python `MeterProvider` stands for. The SDK's meter provider and its reader threads
//! are built by the first record; in a forked child they are forgotten and built anew by the child's first record, and
//! instruments, bound ones too, follow by themselves.
//!
//! An instrument keeps at most 2000 attribute sets; what comes after goes to one point with the attribute
//! `otel.metric.overflow` (OpenTelemetry specification, Metrics SDK, Cardinality limits).

mod console;
mod export;
mod instrument;
mod live;
mod number;
mod pipeline;
mod reader;

pub use console::console_metric_exporter;
pub use export::{MetricBatch, MetricExport, MetricExporterFactory, preferred_temporality};
pub use instrument::{BoundInstrument, Instrument, InstrumentSpec, Kind, Meter};
pub use number::{Number, Numbers};
pub use opentelemetry_sdk::metrics::{Aggregation, InstrumentKind, Temporality};
pub use pipeline::MeterPipeline;
pub use reader::ReaderConfig;
