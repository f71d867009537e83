//! Native threads: none of them takes a signal that is meant for the application.

use std::io;
use std::thread;

/// Starts a thread on which all signals are blocked. Its name, which begins with `otel-rs-`, is seen in debuggers.
///
/// A signal that is sent to a process goes to any thread that does not block it. An application that blocks one in its
/// own threads, to wait for it or to do without it for a while, must not be ended by it because a thread of ours took it.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    debug_assert!(name.starts_with("otel-rs-"), "{name}");
    without_signals(|| thread::Builder::new().name(name.to_owned()).spawn(body).map(drop))
}

/// Runs `body` with all signals blocked; threads that it starts keep them so. For libraries that start threads.
pub fn without_signals<T>(body: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    let _blocked = Blocked::all();
    body()
}

/// Restores the signal mask of the thread when dropped.
#[cfg(unix)]
struct Blocked(libc::sigset_t);

#[cfg(unix)]
impl Blocked {
    fn all() -> Self {
        // SAFETY: both sets are valid for the calls, which fill them.
        unsafe {
            let mut all = std::mem::zeroed();
            let mut before = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            // Without success `before` stays empty; it is then not restored, as the call fails again in `drop`.
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self(before)
        }
    }
}

#[cfg(unix)]
impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set came out of the call that blocked, in this thread.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn blocked(signal: libc::c_int) -> bool {
        // SAFETY: a null set asks for the mask only.
        unsafe {
            let mut mask = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), &raw mut mask);
            libc::sigismember(&raw const mask, signal) == 1
        }
    }

    #[test]
    fn signals_are_blocked_in_the_thread_alone() {
        let (told, asked) = mpsc::channel();
        spawn("otel-rs-test", move || told.send([libc::SIGTERM, libc::SIGUSR1].map(blocked)).unwrap()).unwrap();
        assert_eq!(asked.recv().unwrap(), [true, true]);
        assert_eq!([libc::SIGTERM, libc::SIGUSR1].map(blocked), [false, false]);
    }

    #[test]
    fn what_a_library_starts_is_a_thread_without_signals() {
        let asked = without_signals(|| thread::spawn(|| blocked(libc::SIGTERM))).join().unwrap();
        assert!(asked);
    }
}
