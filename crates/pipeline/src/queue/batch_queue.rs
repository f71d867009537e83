//! The queue between the threads that record and the one that exports.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::state::{Phase, State, Step};
use super::sync::{Condvar, Mutex, MutexGuard};
use super::{BatchConfig, Batched, Drops, Failure, Lost, Over, Pending};
use crate::diagnostics::{self, Level};

/// What one process shares between recording threads and its worker.
pub(crate) struct BatchQueue<T> {
    config: BatchConfig,
    drops: Arc<Drops>,
    /// Locked for moments only, never while exporting.
    state: Mutex<State<T>>,
    /// Tells the worker of a full batch, a flush or the end.
    wake: Condvar,
    /// Tells those who wait of a settled batch and of the end.
    done: Condvar,
}

impl<T: Batched + Send + 'static> BatchQueue<T> {
    /// A queue of what is pushed.
    pub(crate) fn new(config: BatchConfig, drops: Arc<Drops>) -> Arc<Self> {
        Self::of(config, drops, false)
    }

    /// A queue whose worker collects by the schedule what it exports.
    pub(crate) fn collecting(schedule_delay: Duration, drops: Arc<Drops>) -> Arc<Self> {
        Self::of(BatchConfig { max_queue_size: 1, schedule_delay, max_export_batch_size: 1 }, drops, true)
    }

    fn of(config: BatchConfig, drops: Arc<Drops>, collects: bool) -> Arc<Self> {
        let state = Mutex::new(State::new(&config, collects));
        Arc::new(Self { config, drops, state, wake: Condvar::new(), done: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn drops(&self) -> &Drops {
        &self.drops
    }

    /// Queues an item. `start` starts the worker, if there is none yet, and says whether it could.
    pub(crate) fn push(&self, item: T, start: impl FnOnce() -> bool) {
        let mut state = self.lock();
        if state.phase != Phase::Running {
            self.drops.add(Lost::AfterShutdown, 1);
            return;
        }
        if state.push(item, &self.config) {
            self.drops.add(Lost::QueueFull, 1);
        }
        if !state.has_worker {
            state.has_worker = start();
        } else if state.wants_waking(&self.config) {
            self.wake.notify_one();
        }
    }

    /// Starts the worker, if there is none yet. False if it could not be, and another try is worth it.
    pub(crate) fn ensure_worker(&self, start: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        if !state.has_worker && state.phase == Phase::Running {
            state.has_worker = start();
        }
        state.has_worker || state.phase != Phase::Running
    }

    /// Whether something is not exported yet.
    pub(crate) fn has_queued(&self) -> bool {
        let state = self.lock();
        state.has_unexported() || (state.collects && !state.has_worker)
    }

    /// Begins to export all that is queued now.
    pub(crate) fn begin_flush(self: &Arc<Self>, start: impl FnOnce() -> bool) -> Box<dyn Pending> {
        let mut state = self.lock();
        if state.phase != Phase::Running {
            return Box::new(Over(false));
        }
        let id = state.begin_flush(Instant::now());
        if let Some(outcome) = state.flushed(id) {
            state.end_flush(id);
            return Box::new(Over(outcome));
        }
        if !state.has_worker {
            state.has_worker = start();
        }
        self.wake.notify_one();
        drop(state);
        Box::new(Flushing { queue: Arc::clone(self), id })
    }

    /// Begins to export the rest until the deadline. Nothing is taken any more. Where that has begun before, this deadline
    /// holds too.
    pub(crate) fn begin_shutdown(
        self: &Arc<Self>,
        deadline: Instant,
        start: impl FnOnce() -> bool,
    ) -> Box<dyn Pending> {
        let mut state = self.lock();
        match state.phase {
            Phase::Running => {}
            Phase::Draining(until) => {
                state.phase = Phase::Draining(until.min(deadline));
                self.wake.notify_one();
                drop(state);
                return Box::new(Draining { queue: Arc::clone(self), id: None, deadline });
            }
            Phase::Finished | Phase::Abandoned => return Box::new(Over(state.phase == Phase::Finished)),
        }
        let id = state.begin_flush(Instant::now());
        if !state.has_worker && state.has_unexported() {
            state.has_worker = start();
        }
        if !state.has_worker {
            let lost = state.abandon();
            self.report_abandoned(lost);
            state.phase = Phase::Finished;
            return Box::new(Over(lost == 0));
        }
        state.phase = Phase::Draining(deadline);
        state.drain_begun = Some(Instant::now());
        self.wake.notify_one();
        drop(state);
        Box::new(Draining { queue: Arc::clone(self), id: Some(id), deadline })
    }

    fn report_abandoned(&self, lost: usize) {
        self.drops.tell(self.config.max_queue_size);
        if lost > 0 {
            self.drops.add(Lost::Deadline, lost);
            let what = self.drops.signal().amount(lost);
            let message = format!("{what} were not exported before the deadline of the shutdown and are lost");
            diagnostics::report(Level::Warning, self.drops.signal().shutdown, message);
        }
    }

    fn abandon(&self, mut state: MutexGuard<'_, State<T>>) {
        let lost = state.abandon();
        // Before anybody can see that it is over, and end the process.
        self.report_abandoned(lost);
        drop(state);
        self.wake.notify_one();
        self.done.notify_all();
    }

    /// For the worker: sleeps until there is something to export (or to collect: no batch), and within which time; `None`
    /// at the end.
    pub(super) fn next_batch(&self) -> Option<(Option<Vec<T>>, Option<Duration>)> {
        let mut state = self.lock();
        loop {
            match state.step(&self.config, Instant::now()) {
                Step::Export(batch, within) => return Some((Some(batch), within)),
                Step::Collect(within) => return Some((None, within)),
                Step::Leave => {
                    if matches!(state.phase, Phase::Draining(_)) && state.has_unexported() {
                        self.abandon(state);
                    }
                    return None;
                }
                Step::Wait(wait) => {
                    state = self.wake.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// For the worker: what became of the batch. A flush waits for the collector to come back as long as `patience`.
    pub(super) fn settle(&self, outcome: Result<(), Failure<T>>, patience: Duration) {
        let mut state = self.lock();
        let report = match outcome {
            Ok(()) => {
                state.exported();
                None
            }
            Err(Failure { message, delivered, retry: None }) => {
                let lost = state.failed(delivered);
                self.drops.add(Lost::Failed, lost);
                Some(format!("{} were not exported: {message}", self.drops.signal().amount(lost)))
            }
            Err(Failure { message, delivered, retry: Some(retry) }) => {
                let lost = state.put_back(retry, delivered, patience, &self.config, Instant::now());
                self.drops.add(Lost::Failed, lost.failed);
                self.drops.add(Lost::QueueFull, lost.full);
                let what = self.drops.signal().amount(state.unsettled());
                Some(format!("{message}; {what} stay queued and are tried again"))
            }
        };
        // Before anybody can see how it ended, and end the process.
        if let Some(message) = report {
            // Of two exporters that fail, both say so.
            let which = format!("{:p}", Arc::as_ptr(&self.drops));
            diagnostics::report_about(Level::Error, self.drops.signal().export, &which, message);
        }
        self.drops.tell(self.config.max_queue_size);
        drop(state);
        self.done.notify_all();
    }

    /// For the worker: it has left.
    pub(super) fn finish(&self) {
        self.drops.tell(self.config.max_queue_size);
        self.lock().phase = Phase::Finished;
        self.done.notify_all();
    }

    /// Waits until so many items are settled, without telling the worker anything.
    #[cfg(feature = "model")]
    #[cfg(test)]
    pub(super) fn wait_until_settled(&self, count: usize) {
        let mut state = self.lock();
        while state.settled() < count as u64 {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the worker has taken all that was queued.
    #[cfg(not(feature = "model"))]
    #[cfg(test)]
    pub(crate) fn is_taken(&self) -> bool {
        self.lock().is_taken()
    }
}

/// A flush that has begun.
struct Flushing<T: Batched + Send + 'static> {
    queue: Arc<BatchQueue<T>>,
    id: u64,
}

impl<T: Batched + Send + 'static> Pending for Flushing<T> {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        let until = Instant::now() + at_most;
        let mut state = self.queue.lock();
        loop {
            if let Some(outcome) = state.flushed(self.id) {
                return Some(outcome);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.queue.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T: Batched + Send + 'static> Drop for Flushing<T> {
    fn drop(&mut self) {
        self.queue.lock().end_flush(self.id);
    }
}

/// A shutdown that has begun.
struct Draining<T> {
    queue: Arc<BatchQueue<T>>,
    /// The flush of whoever has begun it.
    id: Option<u64>,
    deadline: Instant,
}

impl<T: Batched + Send + 'static> Pending for Draining<T> {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        let now = Instant::now();
        let until = (now + at_most).min(self.deadline);
        let mut state = self.queue.lock();
        loop {
            match state.phase {
                Phase::Finished => return Some(self.id.is_none_or(|id| state.flushed(id) == Some(true))),
                Phase::Abandoned => return Some(false),
                Phase::Running | Phase::Draining(_) => {}
            }
            let now = Instant::now();
            if now >= self.deadline {
                self.queue.abandon(state);
                return Some(false);
            }
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return None;
            }
            state = self.queue.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
