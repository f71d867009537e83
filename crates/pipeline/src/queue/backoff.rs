//! How long to wait after a failed export.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait of our own choice: delivery resumes about as soon after the collector is back.
const LONGEST: Duration = Duration::from_secs(1);
/// The longest wait that a collector can ask for. One attempt of a span in that time does not keep it from recovering,
/// and a queue of the usual size holds out.
const LONGEST_ASKED: Duration = Duration::from_secs(8);
/// The same while a flush or the exit waits.
const LONGEST_ASKED_URGENT: Duration = Duration::from_secs(1);
/// The shortest, whatever a collector asks for.
const SHORTEST: Duration = Duration::from_millis(50);
const JITTER: f64 = 0.2;

/// When to try again, and how often it has failed in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    next: Option<Next>,
}

#[derive(Clone, Copy, Debug)]
struct Next {
    at: Instant,
    urgent: Instant,
}

impl Backoff {
    /// An export has failed; the collector may have asked for a wait (OTLP/HTTP, Throttling).
    pub(crate) fn failed(&mut self, now: Instant, asked: Option<Duration>) {
        self.failures = self.failures.saturating_add(1);
        // So that the processes of a service do not come back all at once.
        let own = (FIRST * (1 << (self.failures - 1).min(8))).min(LONGEST).mul_f64(jitter());
        let (wait, urgent) = match asked {
            None => (own, own.min(FIRST)),
            Some(asked) => {
                let asked = asked.max(SHORTEST);
                (asked.min(LONGEST_ASKED), asked.min(LONGEST_ASKED_URGENT))
            }
        };
        self.next = Some(Next { at: now + wait, urgent: now + urgent });
        if cfg!(feature = "model") {
            // Waits have no end in the model.
            self.next = Some(Next { at: now, urgent: now });
        }
    }

    /// How often it has failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait yet; `None` if nothing has failed. Zero if it is time. It is urgent while somebody waits.
    pub(crate) fn wait(&self, now: Instant, urgent: bool) -> Option<Duration> {
        let next = self.next?;
        Some(if urgent { next.urgent } else { next.at }.saturating_duration_since(now))
    }
}

fn jitter() -> f64 {
    SmallRng::try_from_os_rng().map_or(1.0, |mut random| random.random_range(1.0 - JITTER..1.0 + JITTER))
}
