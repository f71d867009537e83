//! An exporter that its callers wait for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::export::{QueuedSpan, SpanExport};
use super::{SpanExporterFactory, SpanRecord};
use crate::process::PerProcess;
use crate::queue::{Backoff, Failure, Over, Pending};

/// How often a deadline is looked at while another thread exports.
const POLL: Duration = Duration::from_millis(1);
/// How often a thread that waits for another attempt looks whether the exporter is shut down.
const NAP: Duration = Duration::from_millis(20);

type Slot = Arc<Mutex<Option<Box<dyn SpanExport + Send>>>>;

/// Exports on the thread of whoever asks, one at a time, with the attempts that the exporter's patience allows.
pub struct DirectExporter {
    factory: SpanExporterFactory,
    exporter: PerProcess<Slot>,
    shut_down: AtomicBool,
}

impl DirectExporter {
    /// An exporter that exports with what `factory` makes at the first span of each process.
    pub fn new(factory: SpanExporterFactory) -> Self {
        Self { factory, exporter: PerProcess::new(), shut_down: AtomicBool::new(false) }
    }

    /// Whether [`Self::begin_shutdown`] was called.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }

    /// The export that somebody waits for now, if there is one.
    pub fn under_way(&self) -> Option<Box<dyn Pending>> {
        let slot = self.exporter.get()?;
        let is_in_use = matches!(slot.try_lock(), Err(TryLockError::WouldBlock));
        is_in_use.then(|| Box::new(UnderWay(Arc::clone(slot))) as _)
    }

    /// Exports finished spans, those of each resource in a request of their own.
    ///
    /// # Errors
    ///
    /// Why some of them were not exported: a sentence for the log.
    pub fn export(&self, spans: Vec<Arc<SpanRecord>>) -> Result<(), String> {
        if self.is_shut_down() {
            return Err("the exporter is shut down".to_owned());
        }
        let mut groups: Vec<Vec<Arc<SpanRecord>>> = Vec::new();
        for span in spans.into_iter().filter_map(SpanRecord::latest) {
            let resource = &span.origin.resource;
            let same = |group: &&mut Vec<Arc<SpanRecord>>| {
                group.first().is_some_and(|first| {
                    Arc::ptr_eq(&first.origin.resource, resource) || first.origin.resource == *resource
                })
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(span),
                None => groups.push(vec![span]),
            }
        }
        let outcomes: Vec<_> = groups.into_iter().map(|group| self.export_group(group)).collect();
        outcomes.into_iter().collect()
    }

    fn export_group(&self, group: Vec<Arc<SpanRecord>>) -> Result<(), String> {
        let Some(resource) = group.first().map(|span| Arc::clone(&span.origin.resource)) else { return Ok(()) };
        let slot = self.exporter.get_or_build(Slot::default);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let exporter = match &mut *slot {
            Some(exporter) => exporter,
            None => slot.insert((self.factory)()?),
        };
        let deadline = Instant::now() + exporter.patience();
        let mut spans: Vec<_> = group.into_iter().map(QueuedSpan::Record).collect();
        let mut backoff = Backoff::default();
        loop {
            let Err(Failure { message, retry, .. }) = exporter.export(spans, &resource, None) else {
                return Ok(());
            };
            let Some(retry) = retry else { return Err(message) };
            let now = Instant::now();
            backoff.failed(now, retry.after);
            let next = now + backoff.wait(now, false).unwrap_or_default();
            if next >= deadline {
                return Err(format!("{message} ({} attempts)", backoff.failures()));
            }
            while Instant::now() < next {
                if self.is_shut_down() {
                    return Err(message);
                }
                thread::sleep(NAP.min(next.saturating_duration_since(Instant::now())));
            }
            spans = retry.items;
        }
    }

    /// Takes nothing more, and lets go of the exporter as soon as nobody uses it, at the deadline at the latest. Returns
    /// at once.
    pub fn begin_shutdown(&self, deadline: Instant) -> Box<dyn Pending> {
        self.shut_down.store(true, Ordering::Release);
        match self.exporter.get() {
            Some(slot) => Box::new(Closing { slot: Arc::clone(slot), deadline }),
            None => Box::new(Over(true)),
        }
    }
}

/// The exporter, as soon as nobody uses it. A thread whose export hangs holds the lock; `until` holds all the same.
fn when_free(slot: &Slot, until: Instant) -> Option<MutexGuard<'_, Option<Box<dyn SpanExport + Send>>>> {
    loop {
        match slot.try_lock() {
            Ok(slot) => return Some(slot),
            Err(TryLockError::Poisoned(slot)) => return Some(slot.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return None,
        }
    }
}

/// An export that is under way.
struct UnderWay(Slot);

impl Pending for UnderWay {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        when_free(&self.0, Instant::now() + at_most).map(|_| true)
    }
}

/// A shutdown that has begun: the exporter may be in use.
struct Closing {
    slot: Slot,
    deadline: Instant,
}

impl Pending for Closing {
    fn wait(&mut self, at_most: Duration) -> Option<bool> {
        match when_free(&self.slot, (Instant::now() + at_most).min(self.deadline)) {
            Some(mut slot) => {
                if let Some(mut exporter) = slot.take() {
                    exporter.shutdown();
                }
                Some(true)
            }
            None => (Instant::now() >= self.deadline).then_some(false),
        }
    }
}
