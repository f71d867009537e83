//! The export thread.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::{BatchQueue, Batched, Failure};
use crate::diagnostics::{self, Level};
use crate::process::{self, thread};

/// Where batches go. It is built, used and dropped on the worker, so that sockets come after a fork.
pub(crate) trait Sink<T> {
    /// Exports a batch, whose items [batch with each other](Batched). `within` is what a shutdown has for one
    /// attempt.
    fn export(&mut self, batch: Vec<T>, within: Option<Duration>) -> Result<(), Failure<T>>;

    /// What there is to export now, for a queue that is [collecting](BatchQueue::collecting): one item or none. A failure
    /// of its export that gives nothing to try again lets the next collection stand for this one. The error is a sentence
    /// for the log.
    fn collect(&mut self) -> Result<Vec<T>, String> {
        Ok(Vec::new())
    }

    /// How long a flush waits while exports fail. A shutdown waits until its deadline.
    fn patience(&self) -> Duration;

    /// Nothing is exported afterwards.
    fn shutdown(&mut self) {}
}

/// Starts the worker of a queue. False, with one line for the log, if the system has no thread to give.
pub(crate) fn start<T, S>(name: &'static str, queue: &Arc<BatchQueue<T>>, sink: S) -> bool
where
    T: Batched + Send + 'static,
    S: Sink<T> + Send + 'static,
{
    let queue = Arc::clone(queue);
    let signal = queue.drops().signal();
    let started = thread::spawn(name, move || run(&queue, sink));
    if let Err(error) = &started {
        let message = format!("no thread could be started to export {}: {error}; trying again later", signal.noun);
        diagnostics::report(Level::Error, signal.thread, message);
    }
    started.is_ok()
}

/// What the worker does, from its first batch to the end of the queue.
pub(super) fn run<T, S>(queue: &BatchQueue<T>, mut sink: S)
where
    T: Batched + Send + 'static,
    S: Sink<T>,
{
    while let Some((batch, within)) = queue.next_batch() {
        process::ask_again();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            let batch = match batch {
                Some(batch) => batch,
                None => sink.collect()?,
            };
            if batch.is_empty() { Ok(()) } else { sink.export(batch, within) }
        }));
        let outcome = outcome.unwrap_or_else(|_| Err("internal error in the exporter".to_owned().into()));
        queue.settle(outcome, sink.patience());
    }
    let _ = panic::catch_unwind(AssertUnwindSafe(|| sink.shutdown()));
    queue.finish();
}
