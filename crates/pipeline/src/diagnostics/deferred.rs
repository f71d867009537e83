//! Lines that are due after a while, unless what they are about is over before.
//!
//! The thread that would say that it waits is the one that waits. The thread that sees to the end of the process
//! ([`process::exit`]) is woken when a line is due, and queues it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Level, report_about};
use crate::process::{self, PerProcess};

struct Line {
    id: u64,
    due: Instant,
    level: Level,
    kind: &'static str,
    what: String,
    message: String,
}

static LINES: PerProcess<Mutex<Vec<Line>>> = PerProcess::new();
static IDS: AtomicU64 = AtomicU64::new(0);

/// A line that is not due yet. Dropped before, it is never queued.
#[derive(Debug)]
pub struct Deferred {
    id: u64,
    generation: u64,
}

/// Queues a line, as [`report_about`] does, in so long.
pub fn report_later(after: Duration, level: Level, kind: &'static str, what: &str, message: String) -> Deferred {
    let id = IDS.fetch_add(1, Ordering::Relaxed);
    lines().push(Line { id, due: Instant::now() + after, level, kind, what: what.to_owned(), message });
    process::exit::nudge();
    Deferred { id, generation: process::generation() }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        // One of a parent's is nobody's here.
        if self.generation == process::generation() {
            lines().retain(|line| line.id != self.id);
        }
    }
}

/// How long until the next one is due. `None` without lines.
pub(super) fn due_in() -> Option<Duration> {
    lines().iter().map(|line| line.due.saturating_duration_since(Instant::now())).min()
}

/// Queues those that are due.
pub(super) fn report_due() {
    let now = Instant::now();
    let mut due = Vec::new();
    lines().retain_mut(|line| {
        let wait = line.due > now;
        if !wait {
            due.push((line.level, line.kind, std::mem::take(&mut line.what), std::mem::take(&mut line.message)));
        }
        wait
    });
    for (level, kind, what, message) in due {
        report_about(level, kind, &what, message);
    }
}

fn lines() -> MutexGuard<'static, Vec<Line>> {
    LINES.get_or_build(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::tests::lines as queued;

    #[test]
    fn a_line_comes_when_it_is_due_and_not_if_it_is_dropped_before() {
        let line = |after, kind| report_later(after, Level::Warning, kind, "x", "late".to_owned());
        drop(line(Duration::ZERO, "test.dropped"));
        let _late = line(Duration::from_secs(3600), "test.later");
        let _due = line(Duration::ZERO, "test.due");
        assert_eq!(due_in(), Some(Duration::ZERO));
        report_due();
        assert_eq!(queued("test.due"), ["late"]);
        assert!(queued("test.dropped").is_empty() && queued("test.later").is_empty());
    }
}
