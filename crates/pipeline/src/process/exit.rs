//! The thread that sees to the end of the process: it exports what is queued when a signal or `exit` asks for it.
//!
//! It needs neither Python nor the thread that was interrupted, which may hold any lock. Whoever asks does no more than
//! post a semaphore, which a signal handler may do.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::drain::{Then, drain};
use super::semaphore::Semaphore;
use super::{PerProcess, sigterm, thread};
use crate::diagnostics::{self, Level};

/// How long the exit of a process may take, as in the Python side's atexit.
const AT_MOST: Duration = Duration::from_secs(10);

/// What the thread is asked for.
struct Requests {
    /// Somebody has asked.
    wake: Semaphore,
    /// `exit` need not wait any longer.
    drained: Semaphore,
    has_thread: AtomicBool,
    sigterm: AtomicBool,
    exit: AtomicBool,
    /// Python's own exit has drained all.
    is_served: AtomicBool,
}

static REQUESTS: PerProcess<Requests> = PerProcess::new();

/// Starts the thread of this process, unless it is there. False if the system has no thread to give.
pub fn start() -> bool {
    let requests = REQUESTS.get_or_build(|| Requests {
        wake: Semaphore::new(),
        drained: Semaphore::new(),
        has_thread: AtomicBool::new(false),
        sigterm: AtomicBool::new(false),
        exit: AtomicBool::new(false),
        is_served: AtomicBool::new(false),
    });
    if requests.has_thread.swap(true, Ordering::AcqRel) {
        return true;
    }
    register_at_exit();
    let started = thread::spawn("otel-rs-exit", || serve(requests));
    if let Err(error) = &started {
        requests.has_thread.store(false, Ordering::Release);
        let message = format!("no thread could be started that exports at the end of the process: {error}");
        diagnostics::report(Level::Error, "process.thread", message);
    }
    started.is_ok()
}

fn serve(requests: &Requests) {
    loop {
        requests.wake.wait(diagnostics::due_in());
        // What panics has queued its own line.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| {
            if requests.sigterm.swap(false, Ordering::AcqRel) {
                sigterm::act();
            }
            if requests.exit.load(Ordering::Acquire) {
                diagnostics::close(Duration::ZERO);
                drain(AT_MOST, Then::Close);
            }
            diagnostics::write_overdue();
        }));
        if requests.exit.swap(false, Ordering::AcqRel) {
            requests.drained.post();
        }
    }
}

/// Tells that Python's exit has shut everything down. `exit` then takes no time: after the end of the interpreter its
/// daemon threads are better not given any (CPython 3.10 crashes in them).
pub fn set_served() {
    if let Some(requests) = REQUESTS.get() {
        requests.is_served.store(true, Ordering::Release);
    }
}

/// Wakes the thread, if there is one, for a line that may become overdue.
pub(crate) fn nudge() {
    if let Some(requests) = REQUESTS.get() {
        requests.wake.post();
    }
}

/// From the signal handler. Async-signal-safe.
pub(super) fn on_sigterm() {
    if let Some(requests) = REQUESTS.get() {
        requests.sigterm.store(true, Ordering::Release);
        requests.wake.post();
    }
}

/// Has what is still queued exported at `exit`, after Python's own atexit functions, and where those are passed over:
/// servers that embed Python (uWSGI) may leave from a signal handler of theirs. Hence nothing here takes a lock.
fn register_at_exit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(unix)]
        // SAFETY: the function is never unloaded, as Python unloads no extension module.
        unsafe {
            libc::atexit(at_exit);
        }
    });
}

#[cfg(unix)]
extern "C" fn at_exit() {
    let Some(requests) = REQUESTS.get() else { return };
    if requests.has_thread.load(Ordering::Acquire) && !requests.is_served.load(Ordering::Acquire) {
        requests.exit.store(true, Ordering::Release);
        requests.wake.post();
        requests.drained.wait(Some(AT_MOST + Duration::from_secs(1)));
    }
}
