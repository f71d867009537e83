//! What the pipeline has to say to a person, queued by any thread and logged from a thread that is attached to Python.
//!
//! Export threads never touch Python, so [`report`] only queues. The Python side asks [`pending`] (one atomic load)
//! where it passes anyway, and logs what [`drain`] gives. A forked child starts with an empty queue of its own: the
//! inherited one may be locked by a thread that the child does not have, so it is neither locked nor dropped.

mod deferred;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxBuildHasher;

use crate::process::{self, PerProcess};
use crate::stdio;

pub use deferred::{Deferred, report_later};

/// Messages kept until somebody drains them; later ones are counted and dropped.
const CAPACITY: usize = 128;
/// One line per kind in this time; repeats are counted.
const QUIET_TIME: Duration = Duration::from_secs(60);
/// Things that lines are limited by.
const SUBJECTS: usize = 1024;
/// How long lines wait for a thread of Python's.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of the process waits for lines that are being written.
pub const LAST_LINES: Duration = Duration::from_millis(300);
/// Longest message, in bytes. What a collector answers is not ours to log in full.
const MAX_MESSAGE_BYTES: usize = 1024;

/// Severity, by the name of the `logging.Logger` method that fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// `Logger.debug`
    Debug,
    /// `Logger.info`
    Info,
    /// `Logger.warning`
    Warning,
    /// `Logger.error`
    Error,
}

/// One line for the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Severity.
    pub level: Level,
    /// What it is about; messages of one kind are limited to one a minute.
    pub kind: &'static str,
    /// The line.
    pub message: String,
}

#[derive(Default)]
struct State {
    queue: Vec<Diagnostic>,
    overflow: u64,
    kinds: HashMap<Subject, Kind>,
    /// Since when there are lines that nobody has taken.
    since: Option<Instant>,
    /// Somebody has taken lines and is writing them.
    is_writing: bool,
    /// Nobody reads any more.
    is_closed: bool,
}

#[derive(Default)]
struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

/// What lines are limited by: their kind, and for some what they are about, as a number.
type Subject = (&'static str, u64);

struct Kind {
    last: Instant,
    repeats: u64,
}

static LINES: PerProcess<Lines> = PerProcess::new();
static PENDING: AtomicBool = AtomicBool::new(false);

/// Queues one line. Within a minute of the last line of the same `kind` it is only counted, and the next line of that
/// kind says how many there were.
pub fn report(level: Level, kind: &'static str, message: impl Into<String>) {
    queue(level, (kind, 0), message.into());
}

/// As [`report`], but only lines about the same thing (a URL, say) count as repeats: two that fail are two lines. Beyond
/// a number of things, those of a kind are one.
pub fn report_about(level: Level, kind: &'static str, what: &str, message: impl Into<String>) {
    queue(level, subject(kind, what), message.into());
}

fn subject(kind: &'static str, what: &str) -> Subject {
    (kind, FxBuildHasher.hash_one(what).max(1))
}

fn queue(level: Level, mut subject: Subject, mut message: String) {
    truncate(&mut message);
    let now = Instant::now();
    let mut state = state();
    if state.kinds.len() >= SUBJECTS && !state.kinds.contains_key(&subject) {
        subject.1 = 0;
    }
    let kind = subject.0;
    match state.kinds.get_mut(&subject) {
        Some(seen) if now.duration_since(seen.last) < QUIET_TIME => {
            seen.repeats += 1;
            return;
        }
        Some(seen) => {
            if seen.repeats > 0 {
                message.push_str(&format!(" ({} more like this since the last line)", seen.repeats));
            }
            *seen = Kind { last: now, repeats: 0 };
        }
        None => {
            state.kinds.insert(subject, Kind { last: now, repeats: 0 });
        }
    }
    if state.queue.len() < CAPACITY {
        state.queue.push(Diagnostic { level, kind, message });
    } else {
        state.overflow += 1;
    }
    state.since.get_or_insert(now);
    drop(state);
    PENDING.store(true, Ordering::Release);
    lines().changed.notify_all();
    process::exit::nudge();
}

/// Whether a line of that kind would only be counted now.
pub fn is_quiet(kind: &'static str) -> bool {
    state().kinds.get(&(kind, 0)).is_some_and(|seen| seen.last.elapsed() < QUIET_TIME)
}

/// Whether [`drain`] has something to give.
pub fn pending() -> bool {
    PENDING.load(Ordering::Acquire)
}

/// Takes the queued lines, oldest first.
pub fn drain() -> Vec<Diagnostic> {
    if !PENDING.swap(false, Ordering::AcqRel) {
        return Vec::new();
    }
    take(&mut state())
}

fn take(state: &mut State) -> Vec<Diagnostic> {
    let (mut queue, overflow) = (std::mem::take(&mut state.queue), std::mem::take(&mut state.overflow));
    state.since = None;
    if overflow > 0 {
        let message = format!("{overflow} more messages were dropped because nobody read them");
        queue.push(Diagnostic { level: Level::Warning, kind: "diagnostics.overflow", message });
    }
    queue
}

/// For the thread that does nothing but log: waits for lines, however long that takes. What it was given before counts
/// as written then. Never returns once the log is [closed](close), as the interpreter may be gone.
pub fn wait_for_lines() -> Vec<Diagnostic> {
    let lines = lines();
    let mut state = state();
    state.is_writing = false;
    lines.changed.notify_all();
    while state.queue.is_empty() || state.is_closed {
        state = lines.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.is_writing = true;
    PENDING.store(false, Ordering::Release);
    take(&mut state)
}

/// From here on lines go to standard error: Python is about to end. Lets the thread that is writing some finish, for at
/// most this long.
pub fn close(at_most: Duration) {
    let mut state = state();
    state.is_closed = true;
    drop(wait_for_writer(state, at_most));
}

fn wait_for_writer(state: MutexGuard<'static, State>, at_most: Duration) -> MutexGuard<'static, State> {
    let outcome = lines().changed.wait_timeout_while(state, at_most, |state| state.is_writing);
    outcome.unwrap_or_else(PoisonError::into_inner).0
}

/// How long until a line has waited too long for Python's log, or one that was [deferred](report_later) is due. `None`
/// without lines.
pub(crate) fn due_in() -> Option<Duration> {
    let state = state();
    let overdue =
        if state.is_writing { None } else { state.since.map(|since| PATIENCE.saturating_sub(since.elapsed())) };
    drop(state);
    [overdue, deferred::due_in()].into_iter().flatten().min()
}

/// Queues deferred lines that are due, and writes to standard error what nobody has taken in time: the interpreter does
/// not let other threads run.
pub(crate) fn write_overdue() {
    deferred::report_due();
    let mut state = state();
    let is_overdue =
        state.is_closed || (!state.is_writing && state.since.is_some_and(|since| since.elapsed() >= PATIENCE));
    if is_overdue {
        write_to_stderr(&mut state);
    }
}

/// Writes to standard error what Python's log has not taken: the process ends now.
pub(crate) fn finish() {
    write_to_stderr(&mut wait_for_writer(state(), LAST_LINES));
}

fn write_to_stderr(state: &mut State) {
    PENDING.store(false, Ordering::Release);
    for line in take(state) {
        let prefix = if line.message.starts_with("otel-rs:") { "" } else { "otel-rs: " };
        stdio::print_error(&format!("{prefix}{}", line.message));
    }
}

/// Lines that a parent had queued at the fork are the parent's to log.
fn lines() -> &'static Lines {
    LINES.get_or_build(Lines::default)
}

fn state() -> MutexGuard<'static, State> {
    lines().state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn truncate(message: &mut String) {
    if message.len() > MAX_MESSAGE_BYTES {
        let mut end = MAX_MESSAGE_BYTES;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push('…');
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The lines of the given kind. Other tests of this process report at the same time, so each uses its own kinds.
    pub(crate) fn lines(kind: &str) -> Vec<String> {
        let state = state();
        state.queue.iter().filter(|line| line.kind == kind).map(|line| line.message.clone()).collect()
    }

    #[test]
    fn a_repeated_kind_is_one_line() {
        for _ in 0..5 {
            report(Level::Warning, "test.repeated", "again");
        }
        assert_eq!(lines("test.repeated"), ["again"]);
        assert!(pending());
    }

    #[test]
    fn lines_about_two_things_are_two_lines() {
        for what in ["one", "other", "one", "other"] {
            report_about(Level::Warning, "test.subjects", what, what);
        }
        assert_eq!(lines("test.subjects"), ["one", "other"]);
    }

    #[test]
    fn the_next_line_counts_the_repeats() {
        report(Level::Warning, "test.counted", "first");
        report(Level::Warning, "test.counted", "second");
        report(Level::Warning, "test.counted", "third");
        {
            let mut state = state();
            state.kinds.get_mut(&("test.counted", 0)).unwrap().last -= QUIET_TIME;
        }
        report(Level::Warning, "test.counted", "fourth");
        assert_eq!(lines("test.counted"), ["first", "fourth (2 more like this since the last line)"]);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        report(Level::Debug, "test.long", "ä".repeat(4000));
        let line = lines("test.long").remove(0);
        assert!(line.len() <= MAX_MESSAGE_BYTES + '…'.len_utf8() && line.ends_with('…'));
    }
}
