//! What `instrument()` and `instrument_app()` are given, with what the environment says at that moment.

use std::sync::Arc;

use otel_rs_core::environment;
use otel_rs_core::http::{ExcludedUrls, HttpServer};
use otel_rs_semconv::http::instruments;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Name of the instrumentation scope, that of the stock package.
const SCOPE: &str = "opentelemetry.instrumentation.flask";

/// The settings of an application, or of all.
pub(crate) struct Settings {
    pub server: HttpServer,
    pub excluded_urls: ExcludedUrls,
    /// Whether the span starts when the request arrives (`OTEL_RS_FLASK_SPAN_AT_ARRIVAL`).
    pub span_at_arrival: bool,
    /// Whether the exception behind a 5xx is recorded that the application has answered itself
    /// (`OTEL_RS_FLASK_HANDLED_EXCEPTIONS`).
    pub handled_exceptions: bool,
    /// Nothing if the user has switched it off.
    pub commenter: Option<Commenter>,
}

/// Which facts go into SQL comments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commenter {
    pub framework: bool,
    pub controller: bool,
    pub route: bool,
}

impl Settings {
    /// Reads the keyword arguments and the environment.
    pub(crate) fn new(options: &Bound<'_, PyDict>) -> PyResult<Arc<Self>> {
        let py = options.py();
        let excluded_urls = match options.get_item("excluded_urls")?.filter(|list| !list.is_none()) {
            Some(list) => ExcludedUrls::parse(py, &list.str()?.to_string_lossy(), "excluded_urls"),
            None => ExcludedUrls::from_environment(py, "FLASK"),
        };
        Ok(Arc::new(Self {
            server: HttpServer::new(SCOPE, env!("CARGO_PKG_VERSION"), instruments::flask, options)?,
            excluded_urls,
            span_at_arrival: environment::switched_on(py, "OTEL_RS_FLASK_SPAN_AT_ARRIVAL"),
            handled_exceptions: environment::switched_on(py, "OTEL_RS_FLASK_HANDLED_EXCEPTIONS"),
            commenter: Commenter::from_options(options)?,
        }))
    }
}

impl Commenter {
    fn from_options(options: &Bound<'_, PyDict>) -> PyResult<Option<Self>> {
        if let Some(enabled) = options.get_item("enable_commenter")?
            && !enabled.is_truthy()?
        {
            return Ok(None);
        }
        let chosen = options.get_item("commenter_options")?.and_then(|chosen| chosen.cast_into::<PyDict>().ok());
        let wants = |name: &str| -> PyResult<bool> {
            match chosen.as_ref().map(|chosen| chosen.get_item(name)).transpose()?.flatten() {
                Some(wanted) => wanted.is_truthy(),
                None => Ok(true),
            }
        };
        Ok(Some(Self { framework: wants("framework")?, controller: wants("controller")?, route: wants("route")? }))
    }
}
