//! The panic guard: no panic of ours crosses into Python and none ends the process.
//!
//! Every function of the ABI and every method that Python calls runs in [`guard`] (or [`guard_or`]). The panic itself
//! is counted and noted by a hook of this library's own, which prints nothing; the note is logged from the Python side.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

use crate::log;

static PANICS: AtomicU64 = AtomicU64::new(0);
static HOOK: Once = Once::new();

thread_local! {
    /// Whether this thread is inside a guard: a panic elsewhere belongs to whoever set the previous hook.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static LOCATION: Cell<Option<String>> = const { Cell::new(None) };
}

/// Installs this library's panic hook. Called once, when the native module is imported.
pub fn install() {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
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

/// Runs `body`; a panic in it is counted, logged in one line that names `what`, and answered with `None`.
pub fn guard<T>(what: &'static str, body: impl FnOnce() -> T) -> Option<T> {
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(outer);
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
