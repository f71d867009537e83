//! What `instrument()` and `instrument_app()` are given, with what the environment says at that moment.

use std::sync::Arc;

use otel_rs_core::Scope;
use otel_rs_core::http::{ExcludedUrls, HttpSettings};
use otel_rs_core::metrics::{Instrument, Meter};
use otel_rs_core::trace::Tracer;
use otel_rs_semconv::http::instruments;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Name of the instrumentation scope, that of the stock package.
const SCOPE: &str = "opentelemetry.instrumentation.flask";

/// The settings of an application, or of all.
pub(crate) struct Settings {
    pub http: HttpSettings,
    pub tracer: Tracer,
    pub active_requests: Instrument,
    pub duration_old: Option<Instrument>,
    pub duration_new: Option<Instrument>,
    pub request_hook: Option<Py<PyAny>>,
    pub response_hook: Option<Py<PyAny>>,
    pub excluded_urls: ExcludedUrls,
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
    /// Reads the keyword arguments and the environment. The providers are bound late.
    pub(crate) fn new(options: &Bound<'_, PyDict>) -> PyResult<Arc<Self>> {
        let py = options.py();
        let option = |name: &str| -> PyResult<Option<Py<PyAny>>> {
            Ok(options.get_item(name)?.filter(|value| !value.is_none()).map(Bound::unbind))
        };
        let callable = |name: &str| -> PyResult<Option<Py<PyAny>>> {
            Ok(option(name)?.filter(|hook| hook.bind(py).is_callable()))
        };
        let http = HttpSettings::from_environment(py);
        let scope = Scope { name: SCOPE, version: env!("CARGO_PKG_VERSION"), schema_url: http.stability.schema_url() };
        let meter = Meter::new(scope, option("meter_provider")?);
        let definitions = instruments::flask(http.stability);
        let excluded_urls = match option("excluded_urls")? {
            Some(list) => ExcludedUrls::parse(py, &list.bind(py).str()?.to_string_lossy(), "excluded_urls"),
            None => ExcludedUrls::from_environment(py, "FLASK"),
        };
        Ok(Arc::new(Self {
            tracer: Tracer::new(scope, option("tracer_provider")?),
            active_requests: meter.instrument(py, definitions.active_requests),
            duration_old: definitions.duration_old.map(|definition| meter.instrument(py, definition)),
            duration_new: definitions.duration_new.map(|definition| meter.instrument(py, definition)),
            request_hook: callable("request_hook")?,
            response_hook: callable("response_hook")?,
            excluded_urls,
            commenter: Commenter::from_options(options)?,
            http,
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
