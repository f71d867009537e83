#![doc = include_str!("../README.md")]

mod bridges;
mod calls;
mod settings;

use otel_rs_core::environment;
use otel_rs_core::patch::{PatchPoint, PatchSet};
use otel_rs_core::plugin::{Instrumentor, Plugin};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use settings::{ACTIVE, Settings};

/// The functions that make bridges, also as decorators.
static BRIDGES: PatchSet = PatchSet::new(&[
    PatchPoint::around("asgiref.sync", "async_to_sync", bridges::async_to_sync),
    PatchPoint::around("asgiref.sync", "sync_to_async", bridges::sync_to_async),
]);

/// Calls over bridges, those made before included. Installed if the user asks for them.
static CALLS: PatchSet = PatchSet::new(&[
    PatchPoint::around("asgiref.sync", "AsyncToSync.__call__", calls::async_to_sync),
    PatchPoint::around("asgiref.sync", "SyncToAsync.__call__", calls::sync_to_async),
]);

otel_rs_core::stock!(STOCK, "opentelemetry.instrumentation.asgiref", "AsgirefInstrumentor");

/// Instruments asgiref.
struct AsgirefInstrumentor;

impl Instrumentor for AsgirefInstrumentor {
    fn instrument(&self, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = options.py();
        ACTIVE.set(Some(Settings::new(options)?));
        if environment::switched_on(py, "OTEL_RS_ASGIREF_CALLS_ENABLED") {
            CALLS.install(py)?;
        }
        BRIDGES.install(py)
    }

    fn uninstrument(&self, py: Python<'_>) -> PyResult<()> {
        BRIDGES.remove(py);
        CALLS.remove(py);
        ACTIVE.set(None);
        Ok(())
    }
}

otel_rs_core::inventory::submit! {
    Plugin {
        name: "asgiref",
        package: "otel_rs_instr_asgiref",
        version: env!("CARGO_PKG_VERSION"),
        instruments: &["asgiref >= 3.0, < 4"],
        stock: Some(&STOCK),
        instrumentor: &AsgirefInstrumentor,
    }
}

otel_rs_core::plugin_module!(_native);
