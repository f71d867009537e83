//! The tracing SDK's Python faces.

mod context;
mod event;
mod exporter;
mod fields;
mod held;
mod id_generator;
mod limits;
mod processor;
mod processors;
mod provider;
mod readable;
mod sampler;
mod span;
mod span_read;
mod span_type;
mod span_write;
mod tracer;
mod tracer_face;

pub use context::from_span;
pub use exporter::SpanExporter;
pub use provider::TracerProviderState;
pub use span::{Change, OnException, Span, end};
pub use tracer::{AttributeSource, NewSpan, TracerState, start};

use pyo3::prelude::*;

/// Adds the classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Span>()?;
    module.add_class::<event::Event>()?;
    module.add_class::<event::InstrumentationScope>()?;
    module.add_class::<provider::TracerProvider>()?;
    module.add_class::<tracer_face::Tracer>()?;
    module.add_class::<limits::SpanLimits>()?;
    span_type::register(module)?;
    exporter::register(module)?;
    id_generator::register(module)?;
    processor::register(module)?;
    sampler::register(module)
}
