//! The thread that logs what native threads have to say.
//!
//! A line is never written by a thread of the application, which may hold a lock that a log handler takes. It is a thread
//! that Python knows, as `logging` is Python, waits detached, and is no obstacle to the end of the process.

use std::sync::atomic::{AtomicBool, Ordering};

use otel_rs_core::guard::guarded;
use otel_rs_core::interpreter;
use otel_rs_pipeline::diagnostics;
use otel_rs_pipeline::process::{PerProcess, thread};
use pyo3::prelude::*;

static STARTED: PerProcess<AtomicBool> = PerProcess::new();

/// Starts the thread of this process, unless it is there. Where none can be started (at the end of the interpreter)
/// the next call tries again, and lines go to standard error meanwhile, as they always do in sub-interpreters.
///
/// # Errors
///
/// What a signal handler raised meanwhile.
pub fn start(py: Python<'_>) -> PyResult<()> {
    let started = STARTED.get_or_build(AtomicBool::default);
    if started.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // A sub-interpreter cannot be ended while it has another thread.
    if !interpreter::is_main(py) {
        return Ok(());
    }
    // As every thread of ours: a signal that the application blocks must not reach this one.
    let outcome = start_new_thread(py)
        .and_then(|start| thread::without_signals(|| start.call1((wrap_pyfunction!(log_lines, py)?, ()))));
    if outcome.is_err() {
        started.store(false, Ordering::Release);
    }
    outcome.map(drop)
}

/// The plain function of `_thread`: `threading.Thread.start` waits for the new thread and runs what others put around
/// it. Under gevent the one that starts a thread and no greenlet.
pub fn start_new_thread(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let modules = py.import("sys")?.getattr("modules")?;
    match modules.get_item("gevent.monkey") {
        Ok(monkey) => monkey.call_method1("get_original", ("_thread", "start_new_thread")),
        Err(_) => py.import("_thread")?.getattr("start_new_thread"),
    }
}

/// Logs as long as the process lives.
#[guarded]
#[pyfunction]
fn log_lines(py: Python<'_>) {
    name_this_thread(py);
    loop {
        for line in py.detach(diagnostics::wait_for_lines) {
            super::log_line(py, &line);
            // Whatever a log handler raises is nobody's here.
            drop(PyErr::take(py));
        }
    }
}

/// For `%(threadName)s`.
fn name_this_thread(py: Python<'_>) {
    let named = py
        .import("threading")
        .and_then(|threading| threading.call_method0("current_thread"))
        .and_then(|thread| thread.setattr("name", "otel-rs-log"));
    drop(named);
}
