//! The export thread and what it shares with the threads that record.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::super::export::SpanExport;
use super::super::{SpanExporterFactory, SpanRecord};
use super::BatchConfig;
use crate::diagnostics::{self, Level};

/// Where the processor is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Takes spans.
    Running,
    /// Exports what is queued, takes nothing.
    Draining,
    /// Exports nothing more: the deadline of the shutdown has passed.
    Abandoned,
    /// The thread has left.
    Finished,
}

/// Behind the lock, which is held for moments only and never while exporting.
pub(super) struct Queue {
    pub(super) spans: VecDeque<Arc<SpanRecord>>,
    pub(super) phase: Phase,
    pub(super) has_worker: bool,
    /// The thread has been told of a full batch and has not looked yet.
    pub(super) woken: bool,
    /// Spans that the thread has taken and is exporting.
    in_flight: usize,
    /// Flushes asked for, and those of them that are done.
    flushes_requested: u64,
    flushes_done: u64,
}

/// What one process shares between recording threads and its export thread.
pub(super) struct Shared {
    config: BatchConfig,
    factory: SpanExporterFactory,
    dropped: Arc<AtomicU64>,
    queue: Mutex<Queue>,
    /// Tells the thread of a full batch, a flush or the shutdown.
    pub(super) wake: Condvar,
    /// Tells those who wait that a flush or the shutdown is done.
    done: Condvar,
}

impl Shared {
    pub(super) fn new(config: BatchConfig, factory: SpanExporterFactory, dropped: Arc<AtomicU64>) -> Self {
        let queue = Queue {
            spans: VecDeque::new(),
            phase: Phase::Running,
            has_worker: false,
            woken: false,
            in_flight: 0,
            flushes_requested: 0,
            flushes_done: 0,
        };
        Self { config, factory, dropped, queue: Mutex::new(queue), wake: Condvar::new(), done: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all that is queued now has been exported, or until the deadline.
    pub(super) fn flush(&self, deadline: Instant) -> bool {
        let mut queue = self.lock();
        if queue.phase != Phase::Running {
            return false;
        }
        if queue.spans.is_empty() && queue.in_flight == 0 {
            return true;
        }
        queue.flushes_requested += 1;
        let ticket = queue.flushes_requested;
        self.wake.notify_one();
        self.wait(queue, deadline, |queue| queue.flushes_done >= ticket).flushes_done >= ticket
    }

    /// Lets the thread export the rest and leave.
    pub(super) fn drain(&self) {
        let mut queue = self.lock();
        if queue.phase == Phase::Running {
            queue.phase = Phase::Draining;
            self.wake.notify_one();
        }
    }

    /// Lets the thread export the rest and waits for its end, or until the deadline.
    pub(super) fn shut_down(&self, deadline: Instant) -> bool {
        let mut queue = self.lock();
        if !queue.has_worker {
            queue.phase = Phase::Finished;
            return true;
        }
        queue.phase = Phase::Draining;
        self.wake.notify_one();
        let mut queue = self.wait(queue, deadline, |queue| queue.phase == Phase::Finished);
        if queue.phase == Phase::Finished {
            return true;
        }
        queue.phase = Phase::Abandoned;
        let lost = queue.spans.len() + queue.in_flight;
        queue.spans.clear();
        drop(queue);
        self.count_dropped(lost);
        let message = format!("{lost} spans were not exported before the deadline of the shutdown and are lost");
        diagnostics::report(Level::Warning, "trace.shutdown", message);
        false
    }

    fn wait<'a>(
        &self,
        mut queue: MutexGuard<'a, Queue>,
        deadline: Instant,
        done: impl Fn(&Queue) -> bool,
    ) -> MutexGuard<'a, Queue> {
        while !done(&queue) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            queue = self.done.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue
    }

    fn count_dropped(&self, count: usize) {
        self.dropped.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Starts the export thread. False, with one line for the log, if the system has no thread to give.
pub(super) fn start(shared: &Arc<Shared>) -> bool {
    let shared = Arc::clone(shared);
    let started = thread::Builder::new().name("otel-rs-spans".to_owned()).spawn(move || run(&shared));
    match started {
        Ok(_) => true,
        Err(error) => {
            let message = format!("no thread could be started to export spans: {error}; trying again at the next span");
            diagnostics::report(Level::Error, "trace.thread", message);
            false
        }
    }
}

fn run(shared: &Shared) {
    let mut exporter = None;
    let mut last_cycle = Instant::now();
    loop {
        let (phase, flush) = wait_for_work(shared, last_cycle + shared.config.schedule_delay);
        last_cycle = Instant::now();
        export_cycle(shared, &mut exporter, phase, flush);
        if phase != Phase::Running {
            break;
        }
    }
    if let Some(exporter) = &mut exporter {
        let _ = panic::catch_unwind(AssertUnwindSafe(|| exporter.shutdown()));
    }
    shared.lock().phase = Phase::Finished;
    shared.done.notify_all();
}

/// Sleeps until there is a full batch, a flush, the end, or spans at the time of the next export. Gives the phase and
/// the flush to do, if any.
fn wait_for_work(shared: &Shared, next_cycle: Instant) -> (Phase, Option<u64>) {
    let mut queue = shared.lock();
    loop {
        let flush = (queue.flushes_requested > queue.flushes_done).then_some(queue.flushes_requested);
        let full = queue.spans.len() >= shared.config.max_export_batch_size;
        let left = next_cycle.saturating_duration_since(Instant::now());
        if queue.phase != Phase::Running || flush.is_some() || full || (left.is_zero() && !queue.spans.is_empty()) {
            queue.woken = false;
            return (queue.phase, flush);
        }
        // With nothing queued there is nothing to be on time for: the next span comes with its own delay.
        let left = if left.is_zero() { shared.config.schedule_delay } else { left };
        queue = shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Exports at least one batch and goes on while there are full ones; a flush or a shutdown exports all that was queued
/// when it began.
fn export_cycle(shared: &Shared, exporter: &mut Option<Box<dyn SpanExport + Send>>, phase: Phase, flush: Option<u64>) {
    let everything = flush.is_some() || phase != Phase::Running;
    let mut left = shared.lock().spans.len();
    let mut first = true;
    while left > 0 {
        let mut queue = shared.lock();
        let count = queue.spans.len().min(shared.config.max_export_batch_size);
        if queue.phase == Phase::Abandoned || count == 0 {
            break;
        }
        if !everything && !first && count < shared.config.max_export_batch_size {
            break;
        }
        let batch: Vec<_> = queue.spans.drain(..count).collect();
        queue.in_flight = count;
        drop(queue);
        export(shared, exporter, batch);
        shared.lock().in_flight = 0;
        first = false;
        left = left.saturating_sub(count);
    }
    if let Some(flush) = flush {
        shared.lock().flushes_done = flush;
        shared.done.notify_all();
    }
}

fn export(shared: &Shared, exporter: &mut Option<Box<dyn SpanExport + Send>>, mut batch: Vec<Arc<SpanRecord>>) {
    while !batch.is_empty() {
        // One batch has one resource, unless the processor serves several providers.
        let resource = Arc::clone(&batch[0].origin.resource);
        let run = batch.iter().take_while(|span| Arc::ptr_eq(&span.origin.resource, &resource)).count();
        let rest = batch.split_off(run);
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            let exporter = match exporter {
                Some(exporter) => exporter,
                None => exporter.insert((shared.factory)()?),
            };
            exporter.export(batch, &resource)
        }));
        let error = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some("internal error in the exporter".to_owned()),
        };
        if let Some(error) = error {
            shared.count_dropped(run);
            diagnostics::report(Level::Error, "trace.export", format!("{run} spans were not exported: {error}"));
        }
        batch = rest;
    }
}
