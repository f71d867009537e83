//! What is measured: the run of a coroutine, of a future, or of a function in a thread. Metrics call it a process.

use std::sync::Arc;
use std::time::Instant;

use otel_rs_abi::{KeyValue, Value};
use otel_rs_core::context;
use otel_rs_core::log::{self, Level};
use otel_rs_core::text::Text;
use otel_rs_core::trace::{Span, SpanBuilder, SpanKind, StatusCode};
use pyo3::prelude::*;

use crate::settings::Settings;
use crate::state::State;

/// A process that runs.
pub(crate) struct Process {
    settings: Arc<Settings>,
    started: Instant,
    span: Option<Span>,
}

/// The attributes `type` and, but for futures, `name`.
pub(crate) enum Subject<'a> {
    Coroutine(&'a Text),
    Future,
    /// A function may have no name.
    ToThread(Option<&'a Text>),
}

/// How a process ended.
pub(crate) struct Outcome<'a, 'py> {
    pub state: State,
    /// What the span records as an error.
    pub error: Option<&'a Bound<'py, PyAny>>,
}

impl Process {
    /// Starts one, with a span of that name if there is one. The span does not become current.
    pub(crate) fn start(py: Python<'_>, settings: Arc<Settings>, span_name: Option<&str>) -> Self {
        let started = Instant::now();
        let span = span_name.and_then(|name| match start_span(py, &settings, name) {
            Ok(span) => Some(span),
            Err(error) => {
                let message = "the tracer provider raised, what it is asked for goes on without a span";
                log::raised_once(py, Level::Warning, "start", &error, message);
                None
            }
        });
        Self { settings, started, span }
    }

    /// Records how long it took and how it ended, and ends the span.
    pub(crate) fn finish(self, py: Python<'_>, subject: &Subject<'_>, outcome: &Outcome<'_, '_>) {
        let mut attributes = Vec::with_capacity(3);
        let (kind, name) = match subject {
            Subject::Coroutine(name) => ("coroutine", Some(Value::from(name.as_str()))),
            Subject::Future => ("future", None),
            Subject::ToThread(name) => ("to_thread", Some(name.map_or(Value::NULL, |name| name.as_str().into()))),
        };
        attributes.push(KeyValue::new("type", kind));
        attributes.extend(name.map(|name| KeyValue::new("name", name)));
        attributes.push(KeyValue::new("state", outcome.state.as_str()));
        self.settings.duration.record(py, self.started.elapsed().as_secs_f64(), &attributes, None);
        self.settings.created.record(py, 1.0, &attributes, None);
        if let Some(span) = self.span {
            if let Some(error) = outcome.error {
                span.set_status(py, StatusCode::Error, "");
                span.record_exception(error);
            }
            span.end(py, None);
        }
    }
}

fn start_span(py: Python<'_>, settings: &Settings, name: &str) -> PyResult<Span> {
    let context = context::current(py)?;
    settings.tracer.start(
        py,
        &SpanBuilder {
            name,
            kind: SpanKind::Internal,
            start_time_ns: None,
            remote_parent: None,
            context: &context,
            attributes: &[],
        },
    )
}
