//! Waiting for exports, so that interrupts come through and gevent's other greenlets go on.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::process::drain;
use otel_rs_pipeline::queue::Pending;
use pyo3::prelude::*;

use crate::exporters::session;

/// How long an interrupt (Ctrl-C) may have to wait.
const STEP: Duration = Duration::from_millis(50);
/// The same under gevent, in seconds, where each step is a turn of its hub.
const GEVENT_STEP: f64 = 0.01;

/// Who may run while a thread waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum While {
    /// Other greenlets of the thread too.
    GreenletsRun,
    /// Other threads only: at the exit of a process its greenlets are over.
    ThreadsRun,
}

/// Waits side by side for all of it until the deadline. False if something was lost or not over by then.
///
/// # Errors
///
/// What a signal handler raises meanwhile (`KeyboardInterrupt`), or gevent throws into this greenlet.
pub fn wait_for(py: Python<'_>, mut pending: Vec<Box<dyn Pending>>, deadline: Instant, who: While) -> PyResult<bool> {
    let mut done = true;
    let sleep = (who == While::GreenletsRun).then(|| Hub::of_this_thread(py)).flatten();
    loop {
        // Also at the deadline: a shutdown gives up what is left then.
        py.detach(|| {
            pending.retain_mut(|pending| match pending.wait(Duration::ZERO) {
                Some(outcome) => {
                    done &= outcome;
                    false
                }
                None => true,
            });
        });
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(first) = pending.first_mut() else { return Ok(done) };
        if left.is_zero() {
            return Ok(false);
        }
        match &sleep {
            Some(hub) => hub.sleep(left.as_secs_f64().min(GEVENT_STEP))?,
            None => {
                if let Some(outcome) = py.detach(|| first.wait(left.min(STEP))) {
                    done &= outcome;
                    pending.remove(0);
                }
            }
        }
        py.check_signals()?;
    }
}

/// Runs what waits for the network: detached, and under gevent on a thread of its hub.
///
/// # Errors
///
/// What gevent throws into this greenlet meanwhile; `body` then goes on.
pub fn block_on(py: Python<'_>, body: impl FnOnce() + Send + 'static) -> PyResult<()> {
    // It may wait for the thread of a session.
    session::start_threads(py)?;
    match Hub::of_this_thread(py) {
        Some(hub) => hub.run_on_thread(Box::new(body)),
        None => {
            py.detach(body);
            Ok(())
        }
    }
}

/// gevent's event loop of this thread, seen from a greenlet that may wait.
struct Hub<'py> {
    gevent: Bound<'py, PyAny>,
    hub: Bound<'py, PyAny>,
}

impl<'py> Hub<'py> {
    /// `None` without gevent, in a thread that does not use it, and in the loop itself, which must not wait.
    fn of_this_thread(py: Python<'py>) -> Option<Self> {
        let modules = py.import("sys").ok()?.getattr("modules").ok()?;
        let local = modules.get_item("gevent._hub_local").ok()?;
        let hub = local.call_method0("get_hub_if_exists").ok()?;
        if hub.is_none() {
            return None;
        }
        let current = modules.get_item("greenlet").ok()?.call_method0("getcurrent").ok()?;
        if current.is(&hub) {
            return None;
        }
        Some(Self { gevent: modules.get_item("gevent").ok()?, hub })
    }

    fn sleep(&self, seconds: f64) -> PyResult<()> {
        self.gevent.call_method1("sleep", (seconds,)).map(drop)
    }

    fn run_on_thread(&self, body: Box<dyn FnOnce() + Send>) -> PyResult<()> {
        let py = self.hub.py();
        let body = Bound::new(py, Blocking(Mutex::new(Some(body))))?;
        self.hub.getattr("threadpool")?.call_method1("apply", (body,)).map(drop)
    }
}

/// Something to run once, for a thread of gevent's.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "_Blocking", frozen)]
struct Blocking(Mutex<Option<Box<dyn FnOnce() + Send>>>);

#[guarded]
#[pymethods]
impl Blocking {
    fn __call__(&self, py: Python<'_>) {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = body {
            py.detach(body);
        }
    }
}

/// Flushes and shutdowns that have begun, for the Python side to wait for.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativePending", frozen)]
pub struct PendingExports(Mutex<Vec<Box<dyn Pending>>>);

impl PendingExports {
    /// Of these.
    pub fn new(pending: Vec<Box<dyn Pending>>) -> Self {
        Self(Mutex::new(pending))
    }
}

#[guarded]
#[pymethods]
impl PendingExports {
    /// Whether all of them are over. Waits for nothing.
    fn is_over(&self, py: Python<'_>) -> bool {
        py.detach(|| {
            let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pending.retain_mut(|pending| pending.wait(Duration::ZERO).is_none());
            pending.is_empty()
        })
    }
}

/// Begins to flush whatever has something queued in this process.
#[guarded]
#[pyfunction]
pub fn begin_flush_of_all() -> PendingExports {
    PendingExports::new(drain::begin_flush())
}

/// Begins the last export of whatever has something queued in this process, within `timeout_millis`: also of what another
/// thread is shutting down, which nobody waits for otherwise.
#[guarded]
#[pyfunction]
pub fn begin_last_exports(timeout_millis: f64) -> PendingExports {
    PendingExports::new(drain::begin_last_exports(Instant::now() + super::timeout(timeout_millis)))
}

/// Waits side by side for all of them. False if something was lost or not over after `timeout_millis`. Signal handlers
/// run meanwhile; greenlets do not, as this is for the end of the process.
///
/// # Errors
///
/// What a signal handler raises.
#[guarded]
#[pyfunction]
pub fn wait_for_shutdowns(
    py: Python<'_>,
    shutdowns: Vec<Bound<'_, PendingExports>>,
    timeout_millis: f64,
) -> PyResult<bool> {
    let take = |shutdown: &Bound<'_, PendingExports>| {
        std::mem::take(&mut *shutdown.get().0.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let pending = shutdowns.iter().flat_map(take).collect();
    wait_for(py, pending, Instant::now() + super::timeout(timeout_millis), While::ThreadsRun)
}
