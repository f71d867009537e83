//! SIGTERM, where its action is the default one: what is queued is exported before the process ends.
//!
//! The handler stands beneath Python's own: `signal.getsignal` does not see it, `signal.signal` replaces it, and it acts
//! while Python is in C code. It never replaces a handler of the application.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

static CHOSEN: AtomicBool = AtomicBool::new(false);
static AT_MOST_MILLIS: AtomicU64 = AtomicU64::new(0);

/// Has SIGTERM handled from the next record of this process, and of those that it forks, on.
pub fn choose(at_most: Duration) {
    AT_MOST_MILLIS.store(u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    CHOSEN.store(true, Ordering::Release);
    super::ask_again();
}

/// Whether [`choose`] was called.
pub fn is_chosen() -> bool {
    CHOSEN.load(Ordering::Acquire)
}

fn at_most() -> Duration {
    Duration::from_millis(AT_MOST_MILLIS.load(Ordering::Relaxed))
}

#[cfg(all(unix, not(target_vendor = "apple")))]
mod imp {
    use super::super::drain::{Then, drain};
    use super::super::exit;
    use super::{CHOSEN, at_most};
    use crate::diagnostics::{self, Level};
    use std::process;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    /// The process that installed the handler; 0: none has.
    static OWNER: AtomicU32 = AtomicU32::new(0);
    /// A first signal has come.
    static SEEN: AtomicBool = AtomicBool::new(false);

    /// Installs the handler if it was chosen and the action is the default one. The caller is attached to Python, so that
    /// nobody calls `signal.signal` meanwhile.
    pub fn install() {
        if !CHOSEN.load(Ordering::Acquire) || !exit::start() || current().is_none_or(|now| now != libc::SIG_DFL) {
            return;
        }
        OWNER.store(process::id(), Ordering::Release);
        set(on_signal as *const () as libc::sighandler_t, libc::SA_RESTART | libc::SA_ONSTACK);
    }

    fn current() -> Option<libc::sighandler_t> {
        // SAFETY: without a new action the call fills the old one.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            (libc::sigaction(libc::SIGTERM, ptr::null(), &raw mut action) == 0).then_some(action.sa_sigaction)
        }
    }

    fn is_ours() -> bool {
        current() == Some(on_signal as *const () as libc::sighandler_t)
    }

    fn set(handler: libc::sighandler_t, flags: libc::c_int) {
        // SAFETY: the action is filled; the handler is the default one or does only what a signal handler may do.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler;
            action.sa_flags = flags;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGTERM, &raw const action, ptr::null_mut());
        }
    }

    /// Async-signal-safe, as what it calls is.
    extern "C" fn on_signal(_signal: libc::c_int) {
        // SAFETY: the place of this thread's `errno`, which the interrupted code may be about to read.
        let errno = unsafe { *libc::__errno_location() };
        let pid = process::id();
        // A copy of the process that the C library did not tell of has no thread of ours.
        if pid == OWNER.load(Ordering::Acquire) && (pid == 1 || !SEEN.swap(true, Ordering::AcqRel)) {
            exit::on_sigterm();
        } else {
            end();
        }
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
    }

    /// What the signal does without us.
    fn end() {
        if is_ours() {
            set(libc::SIG_DFL, 0);
        }
        // To the process: a thread that blocks it, as ours do, does not keep it.
        // SAFETY: no memory is involved.
        unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
    }

    /// On the thread of [`exit`].
    pub(in super::super) fn act() {
        // The kernel has no default action for the first process of a container: the signal does nothing to it.
        let is_first = process::id() == 1;
        if !drain(at_most(), Then::GoOn) {
            let millis = at_most().as_millis();
            let fate = if is_first { "stays queued" } else { "is lost" };
            let message = format!("not everything could be exported within {millis} ms after SIGTERM; the rest {fate}");
            diagnostics::report(Level::Warning, "process.sigterm", message);
        }
        if is_first {
            return;
        }
        diagnostics::finish();
        end();
        // If the application has a handler by now, the process goes on.
        SEEN.store(false, Ordering::Release);
    }

    /// In a forked child, before anything else runs there: until its own first record it has nothing to export.
    pub(in super::super) fn in_child() {
        if OWNER.swap(0, Ordering::AcqRel) != 0 && is_ours() {
            set(libc::SIG_DFL, 0);
        }
        SEEN.store(false, Ordering::Release);
    }
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
mod imp {
    /// Where there is no semaphore without a name, the signal keeps its action.
    pub fn install() {}

    pub(in super::super) fn act() {}

    #[cfg(unix)]
    pub(in super::super) fn in_child() {}
}

pub(super) use imp::act;
#[cfg(unix)]
pub(super) use imp::in_child;
pub use imp::install;
