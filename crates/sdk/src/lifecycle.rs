//! The life of the process: fork, what records look after, the end, and the log of native threads.

mod log_thread;
mod waiting;

use std::panic;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use otel_rs_core::guard::{Swallow, guarded};
use otel_rs_core::log::{self, Level};
use otel_rs_pipeline::{diagnostics, process};
use pyo3::prelude::*;

use crate::exporters::session;

pub use log_thread::start_new_thread;
pub use waiting::{PendingExports, While, block_on, wait_for};

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(after_fork_in_child, module)?)?;
    module.add_function(wrap_pyfunction!(export_on_sigterm, module)?)?;
    module.add_function(wrap_pyfunction!(log_diagnostics, module)?)?;
    module.add_function(wrap_pyfunction!(close_log, module)?)?;
    module.add_class::<waiting::PendingExports>()?;
    module.add_function(wrap_pyfunction!(waiting::begin_flush_of_all, module)?)?;
    module.add_function(wrap_pyfunction!(waiting::begin_last_exports, module)?)?;
    module.add_function(wrap_pyfunction!(waiting::wait_for_shutdowns, module)?)
}

/// Keeps a panic on one of our own threads off standard error: its thread catches it and queues a line for the log.
pub fn quieten_export_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !thread::current().name().is_some_and(|name| name.starts_with("otel-rs-")) {
                previous(info);
            }
        }));
    });
}

/// For `os.register_at_fork(after_in_child=…)`.
#[guarded]
#[pyfunction]
fn after_fork_in_child() {
    process::forked();
}

/// Logs what is queued.
#[guarded]
#[pyfunction]
fn log_diagnostics(py: Python<'_>) {
    log_pending(py);
}

/// A timeout in milliseconds as Python gives it; what is no usable number is none at all, and an hour is the longest.
pub fn timeout(millis: f64) -> Duration {
    Duration::from_secs_f64((millis / 1e3).clamp(0.0, 3600.0).max(0.0))
}

/// Logs what native threads have queued, where no lock of the application's can be held: at set-up and at the exit.
pub fn log_pending(py: Python<'_>) {
    if !diagnostics::pending() {
        return;
    }
    for line in diagnostics::drain() {
        log_line(py, &line);
    }
}

fn log_line(py: Python<'_>, line: &diagnostics::Diagnostic) {
    let level = match line.level {
        diagnostics::Level::Debug => Level::Debug,
        diagnostics::Level::Info => Level::Info,
        diagnostics::Level::Warning => Level::Warning,
        diagnostics::Level::Error => Level::Error,
    };
    log::log(py, level, &line.message);
}

/// After each record, by the thread that made it. The first of a process, and one after each export, sees to the process'
/// threads and signal; for the others it is one atomic load.
#[inline]
pub fn recorded(py: Python<'_>) {
    if process::is_due() {
        look_after_process(py);
    }
}

/// [`recorded`] at a time in nanoseconds since the Unix epoch: looks ten times a second too.
#[inline]
pub fn recorded_at(py: Python<'_>, now_ns: u64) {
    if process::is_due_at(now_ns) {
        look_after_process(py);
    }
}

#[cold]
fn look_after_process(py: Python<'_>) {
    process::exit::start();
    process::sigterm::install();
    let raised = PyErr::take(py);
    log_thread::start(py).swallow(py);
    session::start_threads(py).swallow(py);
    if let Some(raised) = raised {
        raised.restore(py);
    }
}

/// Has SIGTERM export what is queued, where its action is the default one, within so many milliseconds.
#[guarded]
#[pyfunction]
fn export_on_sigterm(timeout_millis: f64) {
    process::sigterm::choose(timeout(timeout_millis));
}

/// The exit of the interpreter has exported and logged what there was: what native threads still have to say goes to
/// standard error.
#[guarded]
#[pyfunction]
fn close_log(py: Python<'_>) {
    py.detach(|| diagnostics::close(diagnostics::LAST_LINES));
    process::exit::set_served();
}
