//! What the queue's lock protects: plain bookkeeping, without waiting.
//!
//! Items leave in the order in which they came, so that a place in that order says which of them are settled (exported
//! or lost): all before `taken_in - items - in_flight`. What is lost is always the oldest that there is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Backoff, BatchConfig, Retry};

/// How long a shutdown whose deadline is later goes on while exports fail.
const LAST_ATTEMPTS: Duration = Duration::from_secs(10);

/// What one attempt of a shutdown may take in any case.
const ATTEMPT: Duration = Duration::from_secs(3);

/// What can be queued.
pub(crate) trait Batched {
    /// Whether it may be in one batch with another item.
    fn batches_with(&self, other: &Self) -> bool;
}

/// Where the queue is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Takes items.
    Running,
    /// Exports what is queued until the deadline, takes nothing.
    Draining(Instant),
    /// Exports nothing more: the deadline has passed.
    Abandoned,
    /// The worker has left.
    Finished,
}

/// Somebody waits until all items before a place are settled.
struct Flush {
    id: u64,
    before: u64,
    lost: bool,
    begun: Instant,
    /// Exports fail for longer than the exporter has patience: nobody need wait for the collector to come back.
    given_up: bool,
}

/// What of a batch that goes back is lost.
#[derive(Default)]
pub(super) struct LostOfBatch {
    /// The exporter failed for good.
    pub(super) failed: usize,
    /// The queue had no room.
    pub(super) full: usize,
}

/// What the worker does next.
pub(crate) enum Step<T> {
    /// Export this, within the time if there is one.
    Export(Vec<T>, Option<Duration>),
    /// Collect what there is, and export that likewise.
    Collect(Option<Duration>),
    /// Nothing for so long, unless it is woken.
    Wait(Duration),
    /// The end.
    Leave,
}

pub(crate) struct State<T> {
    items: VecDeque<T>,
    /// What the worker has taken and not settled.
    in_flight: usize,
    /// How many items ever came.
    taken_in: u64,
    pub(super) phase: Phase,
    pub(super) drain_begun: Option<Instant>,
    pub(super) has_worker: bool,
    /// The worker sleeps and wants to be woken for a full batch.
    idle: bool,
    next_export: Instant,
    backoff: Backoff,
    /// Items before this place do not wait for the schedule.
    catch_up: u64,
    flushes: Vec<Flush>,
    next_flush: u64,
    /// Something was lost for which no flush has answered yet.
    unanswered_loss: bool,
    /// Whether the worker collects what it exports, instead of being given it: each collection counts as one item.
    /// While one is held that could not be exported, the next waits: what is measured meanwhile stays in its place.
    pub(super) collects: bool,
    /// A flush or the shutdown wants a collection that begins from now on.
    collection_wanted: bool,
    /// A collection that could not be exported is kept for another attempt.
    held: bool,
}

impl<T: Batched> State<T> {
    pub(super) fn new(config: &BatchConfig, collects: bool) -> Self {
        Self {
            items: VecDeque::new(),
            in_flight: 0,
            taken_in: 0,
            phase: Phase::Running,
            drain_begun: None,
            has_worker: false,
            idle: false,
            next_export: later(Instant::now(), config.schedule_delay),
            backoff: Backoff::default(),
            catch_up: 0,
            flushes: Vec::new(),
            next_flush: 0,
            unanswered_loss: false,
            collects,
            collection_wanted: false,
            held: false,
        }
    }

    /// Adds an item. Gives whether the oldest had to go.
    pub(super) fn push(&mut self, item: T, config: &BatchConfig) -> bool {
        let full = self.items.len() >= config.max_queue_size;
        if full {
            let oldest = self.taken_in - self.items.len() as u64;
            self.items.pop_front();
            self.note_loss(oldest);
        }
        self.items.push_back(item);
        self.taken_in += 1;
        full
    }

    /// Whether to wake the worker for a full batch. Answers once for each of its naps.
    pub(super) fn wants_waking(&mut self, config: &BatchConfig) -> bool {
        let wake = self.idle && self.items.len() >= config.max_export_batch_size;
        if wake {
            self.idle = false;
        }
        wake
    }

    /// Whether something is not exported yet, as far as the queue knows.
    pub(super) fn has_unexported(&self) -> bool {
        self.unsettled() > 0 || self.collection_wanted
    }

    /// How many items are not settled.
    pub(super) fn unsettled(&self) -> usize {
        self.items.len() + self.in_flight
    }

    #[cfg(not(feature = "model"))]
    #[cfg(test)]
    pub(super) fn is_taken(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn settled(&self) -> u64 {
        self.taken_in - self.unsettled() as u64
    }

    /// Decides what the worker does.
    pub(super) fn step(&mut self, config: &BatchConfig, now: Instant) -> Step<T> {
        self.idle = false;
        let deadline = match self.phase {
            Phase::Running => None,
            Phase::Draining(deadline) => Some(deadline),
            Phase::Abandoned | Phase::Finished => return Step::Leave,
        };
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        if left.is_some_and(|left| left.is_zero() || !self.has_unexported()) {
            return Step::Leave;
        }
        let nothing = self.items.is_empty();
        if nothing && !self.collects {
            // There is nothing to be on time for: the next item comes with its own delay.
            self.idle = true;
            return Step::Wait(config.schedule_delay);
        }
        let urgent =
            deadline.is_some() || self.flushes.iter().any(|flush| flush.before > self.settled() && !flush.given_up);
        let retry = self.backoff.wait(now, urgent);
        if let Some(wait) = retry
            && !wait.is_zero()
        {
            // A batch more does not make the collector come back sooner: no waking for it.
            return Step::Wait(left.map_or(wait, |left| left.min(wait)));
        }
        let until_due = self.next_export.saturating_duration_since(now);
        let due = urgent
            || self.collection_wanted
            || retry.is_some()
            || until_due.is_zero()
            || self.catch_up > self.settled()
            || self.items.len() >= config.max_export_batch_size;
        if !due {
            self.idle = true;
            return Step::Wait(until_due);
        }
        self.next_export = later(now, config.schedule_delay);
        if nothing {
            self.collection_wanted = false;
            self.taken_in += 1;
            self.in_flight = 1;
            return Step::Collect(left.map(for_one_attempt));
        }
        Step::Export(self.take(config), left.map(for_one_attempt))
    }

    fn take(&mut self, config: &BatchConfig) -> Vec<T> {
        // While exports fail, fewer and fewer are tried at once: it costs less, and a batch that is too much for the
        // collector, or that it chokes on, does not stand in the way of the others for ever.
        let most = (config.max_export_batch_size >> self.backoff.failures().min(16)).max(1);
        let alike = |item: &T| self.items.front().is_some_and(|first| first.batches_with(item));
        let count = self.items.iter().take(most).take_while(|item| alike(item)).count();
        if count < self.items.len().min(most) {
            self.catch_up = self.taken_in;
        }
        self.in_flight = count;
        self.items.drain(..count).collect()
    }

    /// The batch has been exported.
    pub(super) fn exported(&mut self) {
        if self.backoff.failures() > 0 {
            self.backoff = Backoff::default();
            // A collection that was held kept the next one waiting.
            self.catch_up = self.taken_in + u64::from(std::mem::take(&mut self.held));
        }
        self.in_flight = 0;
    }

    /// The batch is lost, except for so many of its items. Gives how many are lost.
    pub(super) fn failed(&mut self, delivered: usize) -> usize {
        let lost = self.in_flight.saturating_sub(delivered);
        if lost > 0 {
            self.note_loss(self.settled());
        }
        // The collector is there: nothing stands in the way of the next batch.
        self.exported();
        lost
    }

    /// What of the batch was not delivered goes back to the front, as far as there is room. Gives how many are lost.
    pub(super) fn put_back(
        &mut self,
        Retry { items, after }: Retry<T>,
        delivered: usize,
        patience: Duration,
        config: &BatchConfig,
        now: Instant,
    ) -> LostOfBatch {
        if self.phase == Phase::Abandoned {
            // Counted when it was abandoned.
            return LostOfBatch::default();
        }
        self.backoff.failed(now, after);
        let draining = matches!(self.phase, Phase::Draining(_));
        for flush in &mut self.flushes {
            flush.given_up |= !draining && now.duration_since(flush.begun) >= patience;
        }
        if draining && self.drain_begun.is_some_and(|begun| now.duration_since(begun) >= patience.max(LAST_ATTEMPTS)) {
            self.phase = Phase::Draining(now);
        }
        if self.collects && items.is_empty() {
            // The next collection has all of this one: as if it had not been.
            self.taken_in -= self.in_flight as u64;
            self.in_flight = 0;
            self.collection_wanted = true;
            return LostOfBatch::default();
        }
        self.held = self.collects;
        let room = config.max_queue_size.saturating_sub(self.items.len());
        let lost = LostOfBatch {
            failed: self.in_flight.saturating_sub(delivered + items.len()),
            full: items.len().saturating_sub(room),
        };
        if lost.failed + lost.full > 0 {
            self.note_loss(self.settled());
        }
        self.in_flight = 0;
        for item in items.into_iter().rev().take(room) {
            self.items.push_front(item);
        }
        lost
    }

    /// Gives up what is not settled and says how much that was.
    pub(super) fn abandon(&mut self) -> usize {
        if std::mem::take(&mut self.collection_wanted) {
            self.taken_in += 1;
            self.in_flight += 1;
        }
        let lost = self.unsettled();
        self.phase = Phase::Abandoned;
        if lost > 0 {
            self.note_loss(self.settled());
        }
        self.items.clear();
        self.in_flight = 0;
        lost
    }

    fn note_loss(&mut self, place: u64) {
        let mut answered = false;
        for flush in self.flushes.iter_mut().filter(|flush| flush.before > place) {
            flush.lost = true;
            answered = true;
        }
        self.unanswered_loss |= !answered;
    }

    /// Begins a flush of what is there. It also answers for what was lost since the last one.
    pub(super) fn begin_flush(&mut self, now: Instant) -> u64 {
        let id = self.next_flush;
        self.next_flush += 1;
        let lost = std::mem::take(&mut self.unanswered_loss);
        self.collection_wanted = self.collects;
        let before = self.taken_in + u64::from(self.collects);
        self.flushes.push(Flush { id, before, lost, begun: now, given_up: false });
        id
    }

    /// Whether the flush is over: `Some(success)`.
    pub(super) fn flushed(&self, id: u64) -> Option<bool> {
        let Some(flush) = self.flushes.iter().find(|flush| flush.id == id) else { return Some(false) };
        let settled = flush.before <= self.settled();
        (settled || flush.given_up).then_some(settled && !flush.lost)
    }

    /// Nobody waits for that flush any more.
    pub(super) fn end_flush(&mut self, id: u64) {
        self.flushes.retain(|flush| flush.id != id);
    }
}

/// What one attempt of a shutdown may take of the time that is left: what a collector that works may need, and not all of
/// it, as the next connection may reach one that works where this one does not.
fn for_one_attempt(left: Duration) -> Duration {
    (left / 2).max(left.min(ATTEMPT))
}

/// A time that is further away than the clock goes is a year away.
fn later(now: Instant, delay: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 86_400);
    now + delay.min(YEAR)
}
