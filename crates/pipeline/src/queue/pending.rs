//! What takes a while and is waited for in steps.

use std::time::{Duration, Instant};

/// A flush or a shutdown that has begun. Waiting in steps lets the caller look at something else in between, an interrupt
/// say, and several of them be waited for side by side.
pub trait Pending: Send {
    /// Waits at most this long. `Some` once it is over: whether nothing was lost.
    fn wait(&mut self, at_most: Duration) -> Option<bool>;
}

/// Something that is over already, with its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Over(pub bool);

impl Pending for Over {
    fn wait(&mut self, _at_most: Duration) -> Option<bool> {
        Some(self.0)
    }
}

/// Waits until it is over; false at the deadline.
pub fn wait_until(mut pending: Box<dyn Pending>, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match pending.wait(left) {
            Some(outcome) => return outcome,
            None if left.is_zero() => return false,
            None => {}
        }
    }
}
