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

use pyo3::exceptions::{PyException, PyRuntimeError};
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
    /// It has an exception that the next entry to end raises.
    Interrupted,
}

thread_local! {
    static THREAD: Cell<Thread> = const { Cell::new(Thread::New) };
    static INTERRUPT: Cell<Option<PyErr>> = const { Cell::new(None) };
    static LOCATION: Cell<Option<String>> = const { Cell::new(None) };
}

/// Installs this library's panic hook. Called once, when the native module is imported.
pub fn install() {
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if matches!(THREAD.get(), Thread::Inside | Thread::Interrupted) {
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
    let (result, interrupted) = run(what, body);
    if interrupted {
        THREAD.set(Thread::Interrupted);
    }
    result
}

/// [`guard`] with a value to answer with after a panic.
pub fn guard_or<T>(what: &'static str, default: T, body: impl FnOnce() -> T) -> T {
    guard(what, body).unwrap_or(default)
}

/// An entry from Python: the guard, and the default value to answer with after a panic.
///
/// # Errors
///
/// What was given to [`pass_on`] inside of it.
pub fn guard_or_default<T: Default>(what: &'static str, body: impl FnOnce() -> T) -> PyResult<T> {
    let (result, interrupted) = run(what, body);
    if interrupted && let Some(error) = take_interrupt() {
        return Err(error);
    }
    Ok(result.unwrap_or_default())
}

/// An entry from Python: the guard, and an exception to answer with after a panic, an ordinary one instead of pyo3's,
/// which is no `Exception`.
///
/// # Errors
///
/// Those of `body`, what was given to [`pass_on`] inside of it, and `RuntimeError` after a panic.
pub fn guard_result<T>(what: &'static str, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let (result, interrupted) = run(what, body);
    if interrupted && let Some(error) = take_interrupt() {
        return Err(error);
    }
    result.unwrap_or_else(|| Err(PyRuntimeError::new_err(format!("internal error in {what}"))))
}

/// The result, and whether an exception waits for an entry to raise it.
#[inline]
fn run<T>(what: &'static str, body: impl FnOnce() -> T) -> (Option<T>, bool) {
    enter();
    let outer = THREAD.replace(Thread::Inside);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    let interrupted = THREAD.replace(outer) == Thread::Interrupted || outer == Thread::Interrupted;
    match result {
        Ok(value) => (Some(value), interrupted),
        Err(payload) => {
            report(what, payload.as_ref());
            // A payload whose own drop panics would end the process; none of ours is worth that.
            std::mem::forget(payload);
            (None, interrupted)
        }
    }
}

/// Lets an exception that came out of Python code inside of ours reach the application if it is none that we may
/// swallow: what is no `Exception` (`KeyboardInterrupt`, `SystemExit`, gevent's `Timeout` and `GreenletExit`) is raised
/// where the innermost function of ours that Python has called returns. True if it was kept for that; an ordinary
/// exception is left to the caller.
pub fn pass_on(py: Python<'_>, error: &PyErr) -> bool {
    if error.is_instance_of::<PyException>(py) {
        return false;
    }
    let first = INTERRUPT.take().unwrap_or_else(|| error.clone_ref(py));
    INTERRUPT.set(Some(first));
    THREAD.set(Thread::Interrupted);
    true
}

/// Raises what [`pass_on`] has kept in this entry, before anything of the application's is called.
///
/// # Errors
///
/// That.
#[inline]
pub fn check() -> PyResult<()> {
    if THREAD.get() != Thread::Interrupted {
        return Ok(());
    }
    THREAD.set(Thread::Inside);
    INTERRUPT.take().map_or(Ok(()), Err)
}

/// Takes what was kept by [`pass_on`], for who raises it in another way.
pub fn interrupt() -> Option<PyErr> {
    if THREAD.get() == Thread::Interrupted { take_interrupt() } else { None }
}

#[cold]
fn take_interrupt() -> Option<PyErr> {
    if THREAD.get() == Thread::Interrupted {
        THREAD.set(Thread::Outside);
    }
    INTERRUPT.take()
}

/// Results of Python code whose ordinary exceptions concern nobody.
pub trait Swallow<T> {
    /// The value, if there is one. What is no `Exception` goes on, as [`pass_on`] says.
    fn swallow(self, py: Python<'_>) -> Option<T>;
}

impl<T> Swallow<T> for PyResult<T> {
    fn swallow(self, py: Python<'_>) -> Option<T> {
        self.inspect_err(|error| {
            pass_on(py, error);
        })
        .ok()
    }
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
