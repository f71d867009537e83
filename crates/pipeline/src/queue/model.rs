//! Every order in which the threads around a queue can run, up to a bound, by `loom` (`make model`). A wait has no
//! time-out there, so that what would only be late in a program (a wake-up that is lost) is a deadlock here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use loom::thread::{self, JoinHandle};

use super::worker::run;
use super::*;

const LONG: Duration = Duration::from_secs(3600);
const SIGNAL: Signal = Signal {
    noun: "things",
    counted: true,
    export: "model.export",
    overflow: "model.overflow",
    shutdown: "model.shutdown",
    thread: "model.thread",
    advice: "",
};

impl Batched for usize {
    fn batches_with(&self, _other: &Self) -> bool {
        true
    }
}

/// Counts what it exports, or what it has collected.
struct Counter {
    exported: Arc<AtomicUsize>,
    /// Where a collecting queue finds what was measured.
    measured: Arc<AtomicUsize>,
    /// The first attempts that fail.
    failures: usize,
    collects: bool,
}

impl Sink<usize> for Counter {
    fn export(&mut self, batch: Vec<usize>, _within: Option<Duration>) -> Result<(), Failure<usize>> {
        // Between taking the batch and settling it the others run.
        thread::yield_now();
        if self.failures > 0 {
            self.failures -= 1;
            let retry = Some(Retry { items: batch, after: None });
            return Err(Failure { message: String::new(), delivered: 0, retry });
        }
        match self.collects {
            true => self.exported.fetch_add(batch.iter().sum(), Ordering::Relaxed),
            false => self.exported.fetch_add(batch.len(), Ordering::Relaxed),
        };
        Ok(())
    }

    fn collect(&mut self) -> Result<Vec<usize>, String> {
        self.collects = true;
        Ok(vec![self.measured.swap(0, Ordering::Relaxed)])
    }

    fn patience(&self) -> Duration {
        LONG
    }
}

#[derive(Clone)]
struct Model {
    queue: Arc<BatchQueue<usize>>,
    drops: Arc<Drops>,
    exported: Arc<AtomicUsize>,
    measured: Arc<AtomicUsize>,
    failures: usize,
    worker: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Model {
    fn new(max_queue_size: usize, max_export_batch_size: usize, failures: usize) -> Self {
        let drops = Arc::new(Drops::new(&SIGNAL));
        let config = BatchConfig { max_queue_size, schedule_delay: LONG, max_export_batch_size };
        let queue = BatchQueue::new(config, Arc::clone(&drops));
        Self::of(queue, drops, failures)
    }

    fn collecting(failures: usize) -> Self {
        let drops = Arc::new(Drops::new(&SIGNAL));
        Self::of(BatchQueue::collecting(LONG, Arc::clone(&drops)), drops, failures)
    }

    fn of(queue: Arc<BatchQueue<usize>>, drops: Arc<Drops>, failures: usize) -> Self {
        let (exported, measured, worker) = (Arc::default(), Arc::default(), Arc::default());
        Self { queue, drops, exported, measured, failures, worker }
    }

    /// Starts the worker, as the first item does.
    fn start(&self) -> bool {
        let queue = Arc::clone(&self.queue);
        let (exported, measured) = (Arc::clone(&self.exported), Arc::clone(&self.measured));
        let sink = Counter { exported, measured, failures: self.failures, collects: false };
        *self.worker.lock().unwrap() = Some(thread::spawn(move || run(&queue, sink)));
        true
    }

    fn push(&self, count: usize) {
        for item in 0..count {
            self.queue.push(item, || self.start());
        }
    }

    /// Waits for the worker's work, without telling it anything.
    fn wait_until_exported(&self, count: usize) {
        self.queue.wait_until_settled(count);
        assert_eq!(self.exported(), count);
    }

    /// Measures, for a collecting queue.
    fn measure(&self) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        self.queue.ensure_worker(|| self.start());
    }

    fn flush(&self) -> Option<bool> {
        self.queue.begin_flush(|| self.start()).wait(LONG)
    }

    fn exported(&self) -> usize {
        self.exported.load(Ordering::Relaxed)
    }

    /// Waits for the end of the worker; each item is exported or counted.
    fn end(&self, pushed: usize) {
        let mut end = self.queue.begin_shutdown(Instant::now() + LONG, || self.start());
        assert!(end.wait(LONG).is_some());
        drop(end);
        let worker = self.worker.lock().unwrap().take();
        if let Some(worker) = worker {
            worker.join().unwrap();
        }
        assert_eq!(self.exported() + self.drops.counts().total() as usize, pushed);
        assert!(!self.queue.has_queued());
    }
}

fn check(threads_preempted: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(threads_preempted);
    builder.check(model);
}

/// Nobody flushes: full batches are exported without the schedule's help, whatever the worker does when they fill.
#[test]
fn every_full_batch_wakes_the_worker() {
    check(3, || {
        let model = Model::new(8, 2, 0);
        let other = model.clone();
        model.push(1);
        let recorder = thread::spawn(move || other.push(3));
        model.push(2);
        recorder.join().unwrap();
        // All six, by full batches alone: once the worker sleeps, less than a batch is left.
        model.wait_until_exported(6);
        model.end(6);
    });
}

#[test]
fn a_flush_ends_beside_records_and_another_flush() {
    check(3, || {
        let model = Model::new(4, 4, 0);
        model.push(1);
        let other = model.clone();
        let flusher = thread::spawn(move || {
            other.push(1);
            assert_eq!(other.flush(), Some(true));
        });
        assert_eq!(model.flush(), Some(true));
        assert!(model.exported() >= 1);
        flusher.join().unwrap();
        model.end(2);
    });
}

#[test]
fn a_shutdown_ends_beside_records_and_a_flush() {
    check(3, || {
        let model = Model::new(2, 1, 0);
        model.push(1);
        let other = model.clone();
        let flusher = thread::spawn(move || {
            other.push(1);
            assert!(other.flush().is_some());
        });
        let mut end = model.queue.begin_shutdown(Instant::now() + LONG, || model.start());
        assert!(end.wait(LONG).is_some());
        flusher.join().unwrap();
        model.end(2);
    });
}

#[test]
fn what_overflows_is_counted_and_told_to_the_flush() {
    check(3, || {
        let model = Model::new(1, 1, 0);
        let other = model.clone();
        model.push(1);
        let recorder = thread::spawn(move || other.push(1));
        model.push(1);
        recorder.join().unwrap();
        let flushed = model.flush();
        assert_eq!(flushed, Some(model.drops.counts().total() == 0));
        model.end(3);
    });
}

#[test]
fn what_fails_for_the_moment_is_exported_later() {
    check(3, || {
        let model = Model::new(2, 1, 1);
        let other = model.clone();
        model.push(1);
        let recorder = thread::spawn(move || other.push(2));
        assert!(model.flush().is_some());
        recorder.join().unwrap();
        model.end(3);
    });
}

#[test]
fn a_deadline_that_has_passed_ends_everything() {
    check(3, || {
        let model = Model::new(4, 1, 1);
        let other = model.clone();
        model.push(2);
        let flusher = thread::spawn(move || assert!(other.flush().is_some()));
        let mut end = model.queue.begin_shutdown(Instant::now(), || model.start());
        assert!(end.wait(LONG).is_some());
        flusher.join().unwrap();
        let worker = model.worker.lock().unwrap().take();
        worker.unwrap().join().unwrap();
        // An export that was under way when it was given up may have succeeded.
        assert!(model.exported() + model.drops.counts().total() as usize >= 2);
    });
}

#[test]
fn a_flush_collects_what_was_measured_before_it() {
    for failures in [0, 1] {
        check(3, move || {
            let model = Model::collecting(failures);
            let other = model.clone();
            let flusher = thread::spawn(move || {
                other.measure();
                assert_eq!(other.flush(), Some(true));
            });
            model.measure();
            assert_eq!(model.flush(), Some(true));
            assert!(model.exported() >= 1);
            flusher.join().unwrap();
            assert_eq!(model.exported(), 2);
            model.measure();
            let mut end = model.queue.begin_shutdown(Instant::now() + LONG, || model.start());
            assert_eq!(end.wait(LONG), Some(true));
            assert_eq!(model.exported(), 3);
            let worker = model.worker.lock().unwrap().take();
            worker.unwrap().join().unwrap();
        });
    }
}
