//! The span processors of a provider.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use otel_rs_core::log;
use otel_rs_pipeline::queue::DropCounts;
use otel_rs_pipeline::trace::{SpanProcessor, SpanRecord};
use pyo3::prelude::*;

use super::Span;
use crate::lifecycle::keep_interrupt;

/// A processor: a native one, or any Python object with `on_start` and `on_end`.
pub enum Processor {
    /// Runs in Rust.
    Native(Arc<dyn SpanProcessor>),
    /// Is called.
    Python(Py<PyAny>),
}

struct Node {
    processor: Processor,
    next: OnceLock<Box<Node>>,
}

/// A list that only grows, so that reading it takes no lock.
#[derive(Default)]
pub struct Processors {
    first: OnceLock<Box<Node>>,
}

impl Processors {
    /// Adds a processor at the end.
    pub fn add(&self, processor: Processor) {
        let mut node = Box::new(Node { processor, next: OnceLock::new() });
        let mut place = &self.first;
        loop {
            match place.get() {
                Some(taken) => place = &taken.next,
                None => match place.set(node) {
                    Ok(()) => return,
                    Err(refused) => node = refused,
                },
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Processor> {
        std::iter::successors(self.first.get(), |node| node.next.get()).map(|node| &node.processor)
    }

    /// Tells the Python processors of a started span.
    pub fn on_start(&self, span: &Bound<'_, Span>, parent_context: Option<&Bound<'_, PyAny>>) {
        for processor in self.iter() {
            if let Processor::Python(processor) = processor {
                let result = processor.bind(span.py()).call_method1("on_start", (span, parent_context));
                report(span.py(), "on_start", result);
            }
        }
    }

    /// Tells the Python processors of a span that has its end time but has not been handed on.
    pub fn on_ending(&self, span: &Bound<'_, Span>) {
        for processor in self.iter() {
            if let Processor::Python(processor) = processor
                && let Ok(Some(on_ending)) = processor.bind(span.py()).getattr_opt("_on_ending")
            {
                report(span.py(), "_on_ending", on_ending.call1((span,)));
            }
        }
    }

    /// Hands a finished span on.
    pub fn on_end(&self, span: &Bound<'_, Span>, record: &Arc<SpanRecord>) {
        for processor in self.iter() {
            match processor {
                Processor::Native(processor) if processor.blocks() => span.py().detach(|| processor.on_end(record)),
                Processor::Native(processor) => processor.on_end(record),
                Processor::Python(processor) => {
                    let result = processor.bind(span.py()).call_method1("on_end", (span,));
                    report(span.py(), "on_end", result);
                }
            }
        }
    }

    /// How many spans the native processors have lost.
    pub fn drops(&self) -> DropCounts {
        self.iter().fold(DropCounts::default(), |sum, processor| match processor {
            Processor::Native(processor) => sum + processor.drops(),
            Processor::Python(_) => sum,
        })
    }

    /// Flushes one after the other, all within `timeout`. False if one of them was not done or not reached.
    pub fn force_flush(&self, py: Python<'_>, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut flushed = true;
        for processor in self.iter() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            flushed &= match processor {
                Processor::Native(processor) => py.detach(|| processor.force_flush(left)),
                Processor::Python(processor) => {
                    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                    let result = processor.bind(py).call_method1("force_flush", (millis,));
                    // As in the stock SDK, whatever is not `False` (`None`, say) is a success.
                    result.as_ref().is_ok_and(|result| result.extract::<bool>().unwrap_or(true))
                        & report(py, "force_flush", result)
                }
            };
        }
        flushed
    }

    /// Shuts down one after the other, the native ones within `timeout` altogether.
    pub fn shutdown(&self, py: Python<'_>, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        for processor in self.iter() {
            match processor {
                Processor::Native(processor) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    py.detach(|| processor.shutdown(left));
                }
                Processor::Python(processor) => {
                    let result = processor.bind(py).call_method0("shutdown");
                    report(py, "shutdown", result);
                }
            }
        }
    }
}

/// Logs what a processor of the user's raised, once per method. `SystemExit` is logged likewise: a span's end is no place
/// to leave the application from.
fn report(py: Python<'_>, method: &str, result: PyResult<Bound<'_, PyAny>>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            keep_interrupt(py, &error);
            log::error_once(
                py,
                &format!("span processor {method}"),
                &format!("A span processor's {method} failed; the application goes on: {error}"),
            );
            false
        }
    }
}
