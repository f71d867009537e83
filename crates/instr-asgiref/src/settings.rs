//! What `instrument()` is given.

use std::sync::Arc;

use otel_rs_core::Scope;
use otel_rs_core::guard::Swallow;
use otel_rs_core::log::{self, Level};
use otel_rs_core::plugin::Active;
use otel_rs_core::trace::Tracer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

const DEFAULT_LIMIT: i64 = 10;

/// The settings in force.
pub(crate) static ACTIVE: Active<Settings> = Active::none();

/// The settings of an instrumentation.
pub(crate) struct Settings {
    pub tracer: Arc<Tracer>,
    /// The limit of `traceback.format_stack`.
    pub stacktrace_limit: Option<i64>,
}

impl Settings {
    /// Reads the keyword arguments.
    pub(crate) fn new(options: &Bound<'_, PyDict>) -> PyResult<Arc<Self>> {
        let scope = Scope {
            name: "opentelemetry.instrumentation.asgiref",
            version: env!("CARGO_PKG_VERSION"),
            schema_url: "https://opentelemetry.io/schemas/1.25.0",
        };
        let stacktrace_limit = options.get_item("stacktrace_limit")?;
        Ok(Arc::new(Self {
            tracer: Arc::new(Tracer::from_options(scope, options)?),
            stacktrace_limit: stacktrace_limit.map_or(Some(DEFAULT_LIMIT), |limit| read_limit(&limit)),
        }))
    }
}

fn read_limit(limit: &Bound<'_, PyAny>) -> Option<i64> {
    if limit.is_none() {
        return None;
    }
    let number = limit.cast::<PyInt>().ok().and_then(|limit| limit.extract().swallow(limit.py()));
    Some(number.unwrap_or_else(|| {
        let shown = limit.str().swallow(limit.py());
        let shown: String =
            shown.iter().flat_map(|text| text.to_string_lossy().chars().take(64).collect::<Vec<_>>()).collect();
        let message =
            format!("stacktrace_limit is '{shown}': expected a whole number or None; {DEFAULT_LIMIT} is used");
        log::log(limit.py(), Level::Warning, &message);
        DEFAULT_LIMIT
    }))
}
