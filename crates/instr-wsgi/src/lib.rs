#![doc = include_str!("../README.md")]

mod attributes;
mod middleware;
mod request;
mod start_response;

use otel_rs_core::plugin::{Instrumentor, Plugin};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Name of the instrumentation scope, that of the stock package.
const SCOPE: &str = "opentelemetry.instrumentation.wsgi";

/// The middleware is put around an application by hand, so there is nothing to patch.
struct WsgiInstrumentor;

impl Instrumentor for WsgiInstrumentor {
    fn instrument(&self, _options: &Bound<'_, PyDict>) -> PyResult<()> {
        Ok(())
    }

    fn uninstrument(&self, _py: Python<'_>) -> PyResult<()> {
        Ok(())
    }

    fn register(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add_class::<middleware::OpenTelemetryMiddleware>()?;
        attributes::register(module)
    }
}

otel_rs_core::inventory::submit! {
    Plugin {
        name: "wsgi",
        package: "otel_rs_instr_wsgi",
        version: env!("CARGO_PKG_VERSION"),
        instruments: &[],
        stock: None,
        instrumentor: &WsgiInstrumentor,
    }
}

otel_rs_core::plugin_module!(_native);
