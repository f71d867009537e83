//! What `instrument()` is given, with what the environment says at that moment.

use std::collections::HashSet;
use std::sync::Arc;

use otel_rs_core::Scope;
use otel_rs_core::environment;
use otel_rs_core::metrics::{Instrument, Meter};
use otel_rs_core::plugin::Active;
use otel_rs_core::trace::Tracer;
use otel_rs_semconv::python_strip;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::instruments::{PROCESS_CREATED, PROCESS_DURATION};

/// The instrumentation scope. Its name is that of the stock package; there is no schema.
const SCOPE: Scope =
    Scope { name: "opentelemetry.instrumentation.asyncio", version: env!("CARGO_PKG_VERSION"), schema_url: "" };

/// The settings of `instrument()`.
pub(crate) static ACTIVE: Active<Settings> = Active::none();

/// What is measured in every case, and what has spans.
pub(crate) struct Settings {
    pub tracer: Tracer,
    pub duration: Instrument,
    pub created: Instrument,
    /// Coroutines with a span, by name.
    pub coroutines: HashSet<String>,
    /// Functions of `to_thread` with a span, by name.
    pub thread_functions: HashSet<String>,
    /// Whether futures have spans.
    pub futures: bool,
}

impl Settings {
    /// Reads the keyword arguments `tracer_provider` and `meter_provider` and the environment.
    pub(crate) fn new(options: &Bound<'_, PyDict>) -> PyResult<Arc<Self>> {
        let py = options.py();
        let meter = Meter::from_options(SCOPE, options)?;
        Ok(Arc::new(Self {
            tracer: Tracer::from_options(SCOPE, options)?,
            duration: meter.instrument(py, &PROCESS_DURATION),
            created: meter.instrument(py, &PROCESS_CREATED),
            coroutines: coroutine_names(),
            thread_functions: thread_function_names(),
            futures: traces_futures(py),
        }))
    }
}

/// The names in `OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE`.
pub(crate) fn coroutine_names() -> HashSet<String> {
    names("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE")
}

/// The names in `OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE`.
pub(crate) fn thread_function_names() -> HashSet<String> {
    names("OTEL_PYTHON_ASYNCIO_TO_THREAD_FUNCTION_NAMES_TO_TRACE")
}

/// Whether `OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED` is `true`.
pub(crate) fn traces_futures(py: Python<'_>) -> bool {
    environment::switched_on(py, "OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED")
}

fn names(variable: &str) -> HashSet<String> {
    match std::env::var(variable) {
        Ok(list) => list.split(',').map(|name| python_strip(name).to_owned()).collect(),
        Err(_) => HashSet::new(),
    }
}
