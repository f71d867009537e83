//! A semaphore that a signal handler may post: no lock, no descriptor.

use std::time::Duration;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod imp {
    use super::Duration;
    use std::cell::UnsafeCell;
    use std::io;

    /// A POSIX semaphore in memory of its own, as it must not move.
    pub struct Semaphore(Box<UnsafeCell<libc::sem_t>>);

    // SAFETY: the functions of a POSIX semaphore may be called from any thread at once.
    unsafe impl Send for Semaphore {}
    // SAFETY: as above.
    unsafe impl Sync for Semaphore {}

    impl Semaphore {
        /// Of value zero.
        pub fn new() -> Self {
            // SAFETY: any bytes will do for what `sem_init` fills; it cannot fail with these arguments.
            unsafe {
                let semaphore = Box::new(UnsafeCell::new(std::mem::zeroed()));
                libc::sem_init(semaphore.get(), 0, 0);
                Self(semaphore)
            }
        }

        /// Lets one waiting thread go on. Async-signal-safe.
        pub fn post(&self) {
            // SAFETY: initialised in `new`, and its memory lives as long as `self`.
            unsafe { libc::sem_post(self.0.get()) };
        }

        /// Waits for [`Self::post`], at most for this long; false if it did not come.
        pub fn wait(&self, at_most: Option<Duration>) -> bool {
            let until = at_most.map(realtime_after);
            loop {
                // SAFETY: as in `post`; the time is valid for the call.
                let outcome = unsafe {
                    match &until {
                        Some(until) => libc::sem_timedwait(self.0.get(), until),
                        None => libc::sem_wait(self.0.get()),
                    }
                };
                if outcome == 0 {
                    return true;
                }
                if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
                    return false;
                }
            }
        }
    }

    impl Drop for Semaphore {
        fn drop(&mut self) {
            // SAFETY: nobody waits, as nobody else has a reference.
            unsafe { libc::sem_destroy(self.0.get()) };
        }
    }

    fn realtime_after(span: Duration) -> libc::timespec {
        // SAFETY: the structure is filled by the call.
        let mut time: libc::timespec = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
        let nanos = time.tv_nsec + libc::c_long::from(span.subsec_nanos());
        time.tv_sec += libc::time_t::try_from(span.as_secs()).unwrap_or(86_400) + nanos / 1_000_000_000;
        time.tv_nsec = nanos % 1_000_000_000;
        time
    }
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
mod imp {
    use super::Duration;
    use std::sync::{Condvar, Mutex, PoisonError};

    /// Where there is no semaphore without a name, and so no signal handler either.
    #[derive(Default)]
    pub struct Semaphore {
        count: Mutex<usize>,
        changed: Condvar,
    }

    impl Semaphore {
        /// Of value zero.
        pub fn new() -> Self {
            Self::default()
        }

        /// Lets one waiting thread go on.
        pub fn post(&self) {
            *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.changed.notify_one();
        }

        /// Waits for [`Self::post`], at most for this long; false if it did not come.
        pub fn wait(&self, at_most: Option<Duration>) -> bool {
            let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
            let long = at_most.unwrap_or(Duration::MAX);
            let outcome = self.changed.wait_timeout_while(count, long, |count| *count == 0);
            let (mut count, _) = outcome.unwrap_or_else(PoisonError::into_inner);
            if *count == 0 {
                return false;
            }
            *count -= 1;
            true
        }
    }
}

pub(super) use imp::Semaphore;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_until_posted_or_for_as_long_as_asked() {
        let semaphore = Semaphore::new();
        assert!(!semaphore.wait(Some(Duration::from_millis(1))));
        semaphore.post();
        assert!(semaphore.wait(Some(Duration::from_secs(60))));
        semaphore.post();
        assert!(semaphore.wait(None));
    }
}
