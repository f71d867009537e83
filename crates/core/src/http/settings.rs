//! What an HTTP server plugin is configured with besides its own options, read when it starts to instrument.

use otel_rs_semconv::Stability;
use pyo3::prelude::*;

use super::CapturedHeaders;

/// The settings that HTTP server plugins share.
#[derive(Debug)]
pub struct HttpSettings {
    /// Which convention is reported (`OTEL_SEMCONV_STABILITY_OPT_IN`).
    pub stability: Stability,
    /// Whether unknown methods are reported as they are
    /// (`OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS`).
    pub capture_all_methods: bool,
    /// Which headers are captured (`OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_*`).
    pub headers: CapturedHeaders,
}

impl HttpSettings {
    /// Reads the environment.
    pub fn from_environment(py: Python<'_>) -> Self {
        Self {
            stability: Stability::from_opt_in(std::env::var(Stability::VARIABLE).ok().as_deref()),
            capture_all_methods: std::env::var("OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS")
                .is_ok_and(|value| !value.is_empty()),
            headers: CapturedHeaders::from_environment(py),
        }
    }
}
