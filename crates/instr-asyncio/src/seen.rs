//! Which coroutines and futures have been measured already: each is once, however often it is passed on.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use otel_rs_core::guard::{Swallow, guarded};
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;
use rustc_hash::FxBuildHasher;

type References = HashMap<usize, Py<PyWeakrefReference>, FxBuildHasher>;

/// The weak references of what has been seen, by its address. What dies takes its entry with it, before its address can
/// be used again.
static SEEN: Mutex<References> = Mutex::new(HashMap::with_hasher(FxBuildHasher));

/// Runs `body` with the lock, under which no reference is made, compared or dropped: that can run Python code, which may
/// come here too.
fn seen<T>(body: impl FnOnce(&mut References) -> T) -> T {
    body(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether this is the first time; from now on it is not. What cannot be referenced weakly is new each time.
pub(crate) fn first_time(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let address = object.as_ptr() as usize;
    if seen(|references| references.contains_key(&address)) {
        return Ok(false);
    }
    let forget = Bound::new(object.py(), Forget(address))?;
    let reference = PyWeakrefReference::new_with(object, forget).swallow(object.py());
    let Some(reference) = reference else { return Ok(true) };
    // Making the reference may have let other code see the object meanwhile.
    let superfluous = seen(|references| match references.entry(address) {
        Entry::Vacant(entry) => {
            entry.insert(reference.unbind());
            None
        }
        Entry::Occupied(_) => Some(reference),
    });
    Ok(superfluous.is_none())
}

/// The callback of a weak reference.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_asyncio")]
struct Forget(usize);

#[guarded]
#[pymethods]
impl Forget {
    fn __call__(&self, _reference: &Bound<'_, PyAny>) {
        let reference = seen(|references| references.remove(&self.0));
        // Dropped here, without the lock.
        drop(reference);
    }
}
