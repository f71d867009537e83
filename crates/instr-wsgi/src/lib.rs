#![doc = include_str!("../README.md")]

mod application;
mod attributes;
mod middleware;
mod request;
mod serve;
mod servers;

use std::sync::Arc;

use otel_rs_core::http::HttpServer;
use otel_rs_core::plugin::{Instrumentor, Plugin};
use otel_rs_semconv::http::instruments;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Name of the instrumentation scope, that of the stock package.
const SCOPE: &str = "opentelemetry.instrumentation.wsgi";

/// Instruments the applications of the servers that `OTEL_RS_WSGI_SERVERS` names.
struct WsgiInstrumentor;

impl Instrumentor for WsgiInstrumentor {
    fn instrument(&self, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let server = HttpServer::new(SCOPE, env!("CARGO_PKG_VERSION"), instruments::wsgi, options)?;
        application::SERVER.set(Some(Arc::new(server)));
        servers::install(options.py())
    }

    fn uninstrument(&self, py: Python<'_>) -> PyResult<()> {
        application::SERVER.set(None);
        servers::remove(py);
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
