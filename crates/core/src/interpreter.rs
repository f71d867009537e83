//! The interpreter that a native module belongs to.
//!
//! Sub-interpreters share what is static in a native module, Python objects of one interpreter among it. So a library
//! serves one interpreter. The first of a process that loads one of otel-rs has all of them as they are; for another one
//! the Python part of the package loads a copy, which has statics of its own. Who is the first must be the same for all
//! wheels: the note stands in the main interpreter's dictionary, which all interpreters reach that share its lock, and
//! CPython loads such modules in no others.

use std::ffi::c_char;
use std::sync::atomic::{AtomicI64, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3::{PyErr, ffi};

/// Key of the number of the first one.
const KEY: &str = "otel_rs.interpreter";

/// What the specification of a copy has as its `loader_state`.
const COPY: &str = "copy";

/// The interpreter that this library serves.
static OWN: AtomicI64 = AtomicI64::new(-1);

/// Whether this is the interpreter that the process began with.
pub fn is_main(_py: Python<'_>) -> bool {
    // SAFETY: the thread is attached to the interpreter that it asks for.
    unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) == 0 }
}

/// To be called before a native module touches anything static.
///
/// # Errors
///
/// `ImportError` in an interpreter that this library does not serve. The Python part of the package looks for its words.
pub fn claim(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    // SAFETY: as above.
    let this = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if this < 0 {
        return Err(PyErr::fetch(py));
    }
    let owner = match OWN.load(Ordering::Relaxed) {
        -1 if is_copy(module)? => this,
        -1 => first_of_the_process(py, this)?,
        owner => owner,
    };
    OWN.store(owner, Ordering::Relaxed);
    match owner == this {
        true => Ok(()),
        false => Err(PyImportError::new_err("this library of otel-rs serves another interpreter of the process")),
    }
}

fn is_copy(module: &Bound<'_, PyModule>) -> PyResult<bool> {
    module.getattr("__spec__")?.getattr("loader_state")?.eq(COPY)
}

/// The interpreter that was the first; `this` if there was none.
fn first_of_the_process(py: Python<'_>, this: i64) -> PyResult<i64> {
    let Some(shared) = shared(py) else { return Ok(this) };
    match shared.get_item(KEY)? {
        Some(first) => first.extract(),
        None => shared.set_item(KEY, this).map(|()| this),
    }
}

/// The main interpreter's dictionary.
fn shared(py: Python<'_>) -> Option<Bound<'_, PyDict>> {
    type Main = unsafe extern "C" fn() -> *mut ffi::PyInterpreterState;
    // Exported by every CPython and no part of the limited API, so it is looked for.
    let name = c"PyInterpreterState_Main".as_ptr().cast::<c_char>();
    // SAFETY: looks a name up.
    let main = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name) };
    if main.is_null() {
        return None;
    }
    // SAFETY: that is its signature since Python 3.7.
    let main = unsafe { std::mem::transmute::<*mut libc::c_void, Main>(main) };
    // SAFETY: the dictionary is borrowed from an interpreter that lives as long as the process, whose lock this thread
    // holds: with a lock of its own CPython loads no such module.
    unsafe {
        let shared = ffi::PyInterpreterState_GetDict(main());
        Bound::from_borrowed_ptr_or_opt(py, shared)?.cast_into().ok()
    }
}
