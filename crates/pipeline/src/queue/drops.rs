//! What is lost, counted by cause, and told at most once a minute.

use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::diagnostics::{self, Level};

/// Why items are lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lost {
    /// The queue was full.
    QueueFull,
    /// The collector refused them, or the exporter failed for good.
    Failed,
    /// They were not exported before the deadline of the shutdown.
    Deadline,
    /// They came after the shutdown.
    AfterShutdown,
}

/// How many items were lost, by cause. They outlive a fork, as losses before it happened in what is still this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DropCounts {
    /// Dropped by a full queue, the oldest first.
    pub queue_full: u64,
    /// Refused by the collector, or not exported because of a failure that another attempt does not mend.
    pub export_failed: u64,
    /// Not exported before the deadline of the shutdown.
    pub deadline: u64,
    /// Recorded after the shutdown.
    pub after_shutdown: u64,
}

impl DropCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.queue_full + self.export_failed + self.deadline + self.after_shutdown
    }

    /// Each cause by name.
    pub fn by_cause(&self) -> [(&'static str, u64); 4] {
        [
            ("queue_full", self.queue_full),
            ("export_failed", self.export_failed),
            ("deadline", self.deadline),
            ("after_shutdown", self.after_shutdown),
        ]
    }
}

impl Add for DropCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            queue_full: self.queue_full + other.queue_full,
            export_failed: self.export_failed + other.export_failed,
            deadline: self.deadline + other.deadline,
            after_shutdown: self.after_shutdown + other.after_shutdown,
        }
    }
}

/// What a signal calls its items in the log, and the kinds of its lines (see [`diagnostics::report`]).
#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) noun: &'static str,
    /// Whether a person wants to know how many: of spans, not of collections.
    pub(crate) counted: bool,
    pub(crate) export: &'static str,
    pub(crate) overflow: &'static str,
    pub(crate) shutdown: &'static str,
    pub(crate) thread: &'static str,
    /// What to do about a full queue.
    pub(crate) advice: &'static str,
}

impl Signal {
    /// `count` items in words.
    pub(crate) fn amount(&self, count: usize) -> String {
        if self.counted { format!("{count} {}", self.noun) } else { self.noun.to_owned() }
    }
}

/// The counters of one queue.
#[derive(Debug)]
pub(crate) struct Drops {
    signal: &'static Signal,
    counts: [AtomicU64; 4],
    /// How many of those that a full queue dropped were told.
    told: AtomicU64,
}

impl Drops {
    pub(crate) fn new(signal: &'static Signal) -> Self {
        Self { signal, counts: Default::default(), told: AtomicU64::new(0) }
    }

    pub(crate) fn signal(&self) -> &'static Signal {
        self.signal
    }

    pub(crate) fn add(&self, cause: Lost, count: usize) {
        self.counts[cause as usize].fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> DropCounts {
        let of = |cause: Lost| self.counts[cause as usize].load(Ordering::Relaxed);
        DropCounts {
            queue_full: of(Lost::QueueFull),
            export_failed: of(Lost::Failed),
            deadline: of(Lost::Deadline),
            after_shutdown: of(Lost::AfterShutdown),
        }
    }

    /// Says what a full queue has dropped since the last line, unless that was within the last minute. Not for the thread
    /// that records: it formats a line.
    pub(crate) fn tell(&self, max_queue_size: usize) {
        let Signal { noun, overflow: kind, advice, .. } = self.signal;
        let dropped = self.counts().queue_full;
        let told = self.told.load(Ordering::Relaxed);
        if dropped == told || diagnostics::is_quiet(kind) {
            return;
        }
        if self.told.compare_exchange(told, dropped, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let count = dropped - told;
            let message = format!(
                "{count} {noun} were dropped because the queue was full (it holds {max_queue_size}); {dropped} in all. \
                 {advice}"
            );
            diagnostics::report(Level::Warning, kind, message);
        }
    }
}
