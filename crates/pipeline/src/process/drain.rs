//! What a process has to export before it ends, reachable without Python.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::metrics::MeterPipeline;
use crate::queue::{Pending, wait_until};
use crate::trace::SpanProcessor;

/// How often something is looked at that somebody else is shutting down.
const POLL: Duration = Duration::from_millis(10);

/// Something that keeps what it has not exported yet.
pub trait Drain: Send + Sync {
    /// Whether something is not exported yet.
    fn has_queued(&self) -> bool;

    /// Begins to export it.
    fn begin_export(&self) -> Box<dyn Pending>;

    /// Begins to export it until the deadline, for the last time.
    fn begin_last_export(&self, deadline: Instant) -> Box<dyn Pending>;
}

impl<T: SpanProcessor> Drain for T {
    fn has_queued(&self) -> bool {
        self.queued()
    }

    fn begin_export(&self) -> Box<dyn Pending> {
        self.begin_flush()
    }

    fn begin_last_export(&self, deadline: Instant) -> Box<dyn Pending> {
        self.begin_shutdown(deadline)
    }
}

impl Drain for MeterPipeline {
    fn has_queued(&self) -> bool {
        self.queued()
    }

    fn begin_export(&self) -> Box<dyn Pending> {
        self.begin_flush()
    }

    fn begin_last_export(&self, deadline: Instant) -> Box<dyn Pending> {
        self.begin_shutdown(deadline)
    }
}

type Registry = Vec<Weak<dyn Drain>>;

/// A forked child finds here what its parent registered; the queues themselves are its own.
static REGISTRY: Mutex<Registry> = Mutex::new(Vec::new());

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has it drained when the process ends, as long as somebody else keeps it.
pub fn register(drain: &Arc<dyn Drain>) {
    let mut registry = registry();
    registry.retain(|known| known.strong_count() > 0);
    registry.push(Arc::downgrade(drain));
}

/// Takes that back.
pub fn unregister(drain: &Arc<dyn Drain>) {
    registry().retain(|known| !known.ptr_eq(&Arc::downgrade(drain)));
}

/// What is to become of what is drained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// It goes on. Who waits for an export of his own is not told of its end before its time.
    GoOn,
    /// It takes nothing more.
    Close,
}

/// Exports all that is queued, side by side, for at most this long; false if that did not suffice. Takes no time if there
/// is nothing.
pub fn drain(at_most: Duration, then: Then) -> bool {
    let deadline = Instant::now() + at_most;
    let begun: Vec<_> = queued()
        .into_iter()
        .map(|drain| {
            let pending = match then {
                Then::GoOn => drain.begin_export(),
                Then::Close => drain.begin_last_export(deadline),
            };
            (drain, pending)
        })
        .collect();
    let mut others: Vec<_> =
        begun.into_iter().filter_map(|(drain, pending)| (!wait_until(pending, deadline)).then_some(drain)).collect();
    // What somebody else is shutting down was over at once for us.
    loop {
        others.retain(|drain| drain.has_queued());
        if others.is_empty() || Instant::now() >= deadline {
            return others.is_empty();
        }
        thread::sleep(POLL);
    }
}

/// Begins to export all that is queued.
pub fn begin_flush() -> Vec<Box<dyn Pending>> {
    queued().iter().map(|drain| drain.begin_export()).collect()
}

/// Begins to export all that is queued until the deadline, for the last time.
pub fn begin_last_exports(deadline: Instant) -> Vec<Box<dyn Pending>> {
    queued().iter().map(|drain| drain.begin_last_export(deadline)).collect()
}

fn queued() -> Vec<Arc<dyn Drain>> {
    let mut registered: Vec<_> = registry().iter().filter_map(Weak::upgrade).collect();
    registered.retain(|drain| drain.has_queued());
    registered
}

/// Held by a thread that forks, so that the child does not inherit the lock of another thread.
pub(super) mod fork {
    use super::{MutexGuard, Registry, registry};
    use std::cell::UnsafeCell;

    struct Held(UnsafeCell<Option<MutexGuard<'static, Registry>>>);

    // SAFETY: only the thread that holds the lock reaches in.
    unsafe impl Sync for Held {}

    static HELD: Held = Held(UnsafeCell::new(None));

    pub(in super::super) extern "C" fn before() {
        let guard = registry();
        // SAFETY: this thread has the lock.
        unsafe { *HELD.0.get() = Some(guard) };
    }

    pub(in super::super) extern "C" fn after() {
        // SAFETY: this thread, in the child its only copy, has the lock since `before`.
        drop(unsafe { (*HELD.0.get()).take() });
    }
}

#[cfg(not(feature = "model"))]
#[cfg(test)]
mod tests;
