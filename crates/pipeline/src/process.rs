//! Fork: what a child inherits is forgotten and built anew.
//!
//! A forked child has one thread. A mutex that another thread of the parent held at that moment stays locked for ever,
//! a queue keeps the parent's records but has no reader, a socket is shared with the parent. So every piece of state of
//! that sort stands in a [`PerProcess`], which in a child neither locks nor drops nor flushes the inherited value.

use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

pub mod drain;
pub mod exit;
mod semaphore;
pub mod sigterm;
pub mod thread;

#[cfg(test)]
mod tests;

static GENERATION: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);
static WATCH: Once = Once::new();
/// Whether the next record is the first of the process, or should look after things as that one does.
static DUE: AtomicBool = AtomicBool::new(true);
/// When a record last looked after things; nanoseconds since the Unix epoch.
static LOOKED_NS: AtomicU64 = AtomicU64::new(0);
/// How soon a record that knows the time looks again.
const LOOK_EVERY_NS: u64 = 100_000_000;

/// How many forks lie between this process and the one that loaded the library.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Starts to watch for forks, those made in C included. Called once, when the library is loaded; later calls do
/// nothing.
pub fn watch() {
    WATCH.call_once(|| {
        PID.store(process::id(), Ordering::Relaxed);
        #[cfg(unix)]
        {
            // SAFETY: the handlers store to atomics, call getpid and sigaction, and hold a lock over the fork, which a
            // child of a process with several threads may do. A failed registration leaves `forked` as the only notice.
            unsafe { libc::pthread_atfork(Some(drain::fork::before), Some(drain::fork::after), Some(in_child)) };
        }
    });
}

#[cfg(unix)]
extern "C" fn in_child() {
    PID.store(process::id(), Ordering::Relaxed);
    GENERATION.fetch_add(1, Ordering::Release);
    sigterm::in_child();
    drain::fork::after();
    ask_again();
}

/// Whether whoever has recorded something should call what looks after the process; then it is asked for no more until
/// [`ask_again`]. One atomic load as a rule.
pub fn is_due() -> bool {
    DUE.load(Ordering::Relaxed) && DUE.swap(false, Ordering::AcqRel)
}

/// [`is_due`] for a record that knows its time: also if nobody has looked for a tenth of a second. The application may
/// have asked for another action at SIGTERM since then, and what is recorded from here on may never see an export.
pub fn is_due_at(now_ns: u64) -> bool {
    if now_ns.wrapping_sub(LOOKED_NS.load(Ordering::Relaxed)) < LOOK_EVERY_NS {
        return is_due();
    }
    LOOKED_NS.store(now_ns, Ordering::Relaxed);
    DUE.store(false, Ordering::Release);
    true
}

/// Has the next record look after the process: whether its threads are there, and SIGTERM's action still ours. Called
/// once per export, as the application may have changed that.
pub fn ask_again() {
    DUE.store(true, Ordering::Release);
}

/// Notices a fork that the C library did not tell of (a raw `clone`). For `os.register_at_fork`; cheap to call often.
pub fn forked() {
    let pid = process::id();
    let known = PID.swap(pid, Ordering::Relaxed);
    if known != pid && known != 0 {
        GENERATION.fetch_add(1, Ordering::Release);
        ask_again();
    }
}

struct Slot<T> {
    generation: u64,
    value: T,
}

/// A value that each process builds for itself, at its first use there.
///
/// Reading takes no lock: in a child, a lock could be held by a thread that the child does not have.
pub struct PerProcess<T> {
    slot: AtomicPtr<Slot<T>>,
}

// SAFETY: the slot owns a `T` that is handed out as `&T` to any thread and dropped by whichever drops the owner.
unsafe impl<T: Send> Send for PerProcess<T> {}
// SAFETY: as above; `&T` reaches several threads, hence `T: Sync`, and a racing builder moves its `T` in, hence `Send`.
unsafe impl<T: Send + Sync> Sync for PerProcess<T> {}

impl<T> PerProcess<T> {
    /// Nothing built yet.
    pub const fn new() -> Self {
        Self { slot: AtomicPtr::new(std::ptr::null_mut()) }
    }

    /// The value of this process, built now if there is none. Threads that race build several and keep one, so `build`
    /// must have no effect beyond its value.
    pub fn get_or_build(&self, build: impl FnOnce() -> T) -> &T {
        let generation = generation();
        let seen = self.slot.load(Ordering::Acquire);
        if let Some(value) = Self::of_generation(seen, generation) {
            return value;
        }
        let fresh = Box::into_raw(Box::new(Slot { generation, value: build() }));
        match self.slot.compare_exchange(seen, fresh, Ordering::AcqRel, Ordering::Acquire) {
            // What `seen` points to was inherited: it is left where it is, for good.
            // SAFETY: `fresh` was just made and is now owned by the slot, which frees it only in `drop`.
            Ok(_) => unsafe { &(*fresh).value },
            Err(winner) => {
                // SAFETY: `fresh` never left this thread.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: the winner is a slot of this generation, which is freed only in `drop`.
                unsafe { &(*winner).value }
            }
        }
    }

    /// The value of this process, if it has built one.
    pub fn get(&self) -> Option<&T> {
        Self::of_generation(self.slot.load(Ordering::Acquire), generation())
    }

    fn of_generation<'a>(slot: *mut Slot<T>, generation: u64) -> Option<&'a T> {
        // SAFETY: a non-null slot stays allocated as long as its owner, whose borrow bounds the result at each caller.
        let slot = unsafe { slot.as_ref() }?;
        (slot.generation == generation).then_some(&slot.value)
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let slot = *self.slot.get_mut();
        if Self::of_generation(slot, generation()).is_some() {
            // SAFETY: the slot is non-null, was made by `Box::into_raw`, and nobody else can reach it any more.
            drop(unsafe { Box::from_raw(slot) });
        }
    }
}
