//! The panic guard: no panic of ours crosses into Python and none ends the process.
//!
//! Every function of the ABI runs in [`guard`], every function that Python calls too, by [`guarded`]. The panic itself is
//! counted and noted by a hook of this library's own, which prints nothing; the note is logged from the Python side.
//! What enters the guard also survives the end of its thread by the interpreter.

mod thread_end;

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

pub use otel_rs_boundary_macros::guarded;

use crate::log;

static PANICS: AtomicU64 = AtomicU64::new(0);
static HOOK: Once = Once::new();

/// What a thread has to do with the guard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thread {
    /// It has never been inside.
    New,
    /// It is outside: a panic there belongs to whoever set the previous hook.
    Outside,
    /// It is inside.
    Inside,
}

thread_local! {
    static THREAD: Cell<Thread> = const { Cell::new(Thread::New) };
    static LOCATION: Cell<Option<String>> = const { Cell::new(None) };
}

/// Installs this library's panic hook. Called once, when the native module is imported.
pub fn install() {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if THREAD.get() == Thread::Inside {
                PANICS.fetch_add(1, Ordering::Relaxed);
                LOCATION.set(info.location().map(ToString::to_string));
            } else {
                previous(info);
            }
        }));
    });
}

/// How many panics the guards of this library have caught since it was loaded.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Prepares this thread for being ended by the interpreter while a function of this library is on its stack. The guard
/// does it by itself; what drops Python objects outside of the guard calls it before.
#[inline]
pub fn enter() {
    if THREAD.get() == Thread::New {
        first_entry();
    }
}

#[cold]
fn first_entry() {
    THREAD.set(Thread::Outside);
    thread_end::register();
}

/// Runs `body`; a panic in it is counted, logged in one line that names `what`, and answered with `None`.
pub fn guard<T>(what: &'static str, body: impl FnOnce() -> T) -> Option<T> {
    enter();
    let outer = THREAD.replace(Thread::Inside);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    THREAD.set(outer);
    match result {
        Ok(value) => Some(value),
        Err(payload) => {
            report(what, payload.as_ref());
            // A payload whose own drop panics would end the process; none of ours is worth that.
            std::mem::forget(payload);
            None
        }
    }
}

/// [`guard`] with a value to answer with after a panic.
pub fn guard_or<T>(what: &'static str, default: T, body: impl FnOnce() -> T) -> T {
    guard(what, body).unwrap_or(default)
}

/// [`guard`] with the default value to answer with after a panic.
pub fn guard_or_default<T: Default>(what: &'static str, body: impl FnOnce() -> T) -> T {
    guard(what, body).unwrap_or_default()
}

/// [`guard`] with an exception to answer with after a panic: an ordinary one instead of pyo3's, which is no `Exception`.
///
/// # Errors
///
/// Those of `body`, and `RuntimeError` after a panic.
pub fn guard_result<T>(what: &'static str, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    guard(what, body).unwrap_or_else(|| Err(PyRuntimeError::new_err(format!("internal error in {what}"))))
}

fn report(what: &'static str, payload: &(dyn Any + Send)) {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let location = LOCATION.take().unwrap_or_default();
    Python::try_attach(|py| {
        log::error_once(py, what, &format!("internal error in {what} at {location}: {message}; the call was skipped"));
    });
}
