//! What holds while a plugin instruments.

use std::sync::{Arc, Mutex, PoisonError};

/// What `instrument()` has set up (settings, a tracer, instruments), until `uninstrument()`. A plugin declares it as a
/// `static`; its hooks ask for it with each call.
#[derive(Debug)]
pub struct Active<T>(Mutex<Option<Arc<T>>>);

impl<T> Active<T> {
    /// Nothing yet.
    pub const fn none() -> Self {
        Self(Mutex::new(None))
    }

    /// What holds now; nothing if the library is not instrumented.
    pub fn get(&self) -> Option<Arc<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets what holds from now on.
    pub fn set(&self, value: Option<Arc<T>>) {
        let previous = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), value);
        // Dropped here, without the lock: it may hold the last reference to a Python object.
        drop(previous);
    }
}
