//! The lock and the condition variable of the queue: the standard library's, or `loom`'s in the model, whose waits have
//! no time-out, so that a wake-up that is lost is a deadlock.

#[cfg(feature = "model")]
pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(feature = "model"))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
