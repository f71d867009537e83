//! What `instrument()` is given.

use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::Scope;
use otel_rs_core::log::{self, Level};
use otel_rs_core::trace::Tracer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

const DEFAULT_LIMIT: i64 = 10;

static CURRENT: Mutex<Option<Arc<Settings>>> = Mutex::new(None);

/// The settings of an instrumentation.
pub(crate) struct Settings {
    pub tracer: Tracer,
    /// The limit of `traceback.format_stack`.
    pub stacktrace_limit: Option<i64>,
}

/// Those in force, if asgiref is instrumented.
pub(crate) fn get() -> Option<Arc<Settings>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Changes those in force.
pub(crate) fn set(settings: Option<Arc<Settings>>) {
    let previous = std::mem::replace(&mut *CURRENT.lock().unwrap_or_else(PoisonError::into_inner), settings);
    // It holds Python objects, so it goes after the lock.
    drop(previous);
}

impl Settings {
    /// Reads the keyword arguments.
    pub(crate) fn new(options: &Bound<'_, PyDict>) -> PyResult<Arc<Self>> {
        let scope = Scope {
            name: "opentelemetry.instrumentation.asgiref",
            version: env!("CARGO_PKG_VERSION"),
            schema_url: "https://opentelemetry.io/schemas/1.25.0",
        };
        let provider = options.get_item("tracer_provider")?.filter(|provider| !provider.is_none());
        let stacktrace_limit = options.get_item("stacktrace_limit")?;
        Ok(Arc::new(Self {
            tracer: Tracer::new(scope, provider.map(Bound::unbind)),
            stacktrace_limit: stacktrace_limit.map_or(Some(DEFAULT_LIMIT), |limit| read_limit(&limit)),
        }))
    }
}

fn read_limit(limit: &Bound<'_, PyAny>) -> Option<i64> {
    if limit.is_none() {
        return None;
    }
    let number = limit.cast::<PyInt>().ok().and_then(|limit| limit.extract().ok());
    Some(number.unwrap_or_else(|| {
        let shown: String = limit.to_string().chars().take(64).collect();
        let message =
            format!("stacktrace_limit is '{shown}': expected a whole number or None; {DEFAULT_LIMIT} is used");
        log::log(limit.py(), Level::Warning, &message);
        DEFAULT_LIMIT
    }))
}
