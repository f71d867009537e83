//! `otel_rs_sdk._native`: the Python faces of the native pipeline, and the ABI by which instrumentations reach it.

mod abi;
mod api;
mod attributes;
mod drops;
mod exporters;
mod lifecycle;
mod metrics;
mod resource;
mod trace;

use otel_rs_core::guard::guarded;
use otel_rs_core::{guard, interpreter, log};
use otel_rs_pipeline::process;
use pyo3::prelude::*;

#[guarded]
#[pymodule]
#[pyo3(name = "_native")]
fn native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::claim(module)?;
    log::set_logger_name("otel_rs_sdk");
    guard::install();
    lifecycle::quieten_export_threads();
    process::watch();
    resource::register(module)?;
    trace::register(module)?;
    exporters::register(module)?;
    metrics::register(module)?;
    lifecycle::register(module)
}
