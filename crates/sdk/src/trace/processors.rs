//! The span processors of a provider.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::log;
use otel_rs_pipeline::queue::{DropCounts, Pending};
use otel_rs_pipeline::trace::SpanProcessor;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use super::{Span, fields};
use crate::lifecycle::{While, block_on, wait_for};

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

/// A list of processors, and the one that has replaced it.
#[derive(Default)]
struct Chain {
    first: OnceLock<Box<Node>>,
    successor: OnceLock<Box<Chain>>,
}

impl Chain {
    fn latest(&self) -> &Self {
        let mut latest = self;
        while let Some(successor) = latest.successor.get() {
            latest = successor;
        }
        latest
    }

    /// Adds a processor at the end.
    fn add(&self, processor: Processor) {
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
}

/// Lists that only grow, so that reading them takes no lock.
#[derive(Default)]
pub struct Processors {
    chain: Chain,
    /// The end of the process does not drain them.
    declines_drain: AtomicBool,
}

impl Processors {
    /// Has the end of the process not drain them.
    pub fn decline_drain(&self) {
        self.declines_drain.store(true, Ordering::Release);
    }

    /// Whether [`Self::decline_drain`] was called.
    pub fn declines_drain(&self) -> bool {
        self.declines_drain.load(Ordering::Acquire)
    }

    /// Adds a processor at the end.
    pub fn add(&self, processor: Processor) {
        self.chain.latest().add(processor);
    }

    /// Takes these in place of all that there are, which are told of nothing more. They are kept as long as the provider:
    /// another thread may be going through them.
    pub fn replace(&self, processors: Vec<Processor>) {
        let chain = Chain::default();
        processors.into_iter().for_each(|processor| chain.add(processor));
        let mut chain = Box::new(chain);
        while let Err(refused) = self.chain.latest().successor.set(chain) {
            chain = refused;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Processor> {
        let first = self.chain.latest().first.get();
        std::iter::successors(first, |node| node.next.get()).map(|node| &node.processor)
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
                && let Some(Some(on_ending)) = processor.bind(span.py()).getattr_opt("_on_ending").swallow(span.py())
            {
                report_for(span, "_on_ending", on_ending.call1((span,)));
            }
        }
    }

    /// Hands a finished span on, to each what those before it have left.
    pub fn on_end(&self, span: &Bound<'_, Span>) {
        let this = span.get();
        fields::settle(span);
        for processor in self.iter() {
            if this.is_withheld() {
                break;
            }
            match processor {
                Processor::Native(processor) => {
                    let Some(record) = this.finished() else { break };
                    if processor.blocks() {
                        let processor = Arc::clone(processor);
                        block_on(span.py(), move || processor.on_end(&record)).swallow(span.py());
                    } else {
                        processor.on_end(&record);
                    }
                }
                Processor::Python(processor) => {
                    report_for(span, "on_end", processor.bind(span.py()).call_method1("on_end", (span,)));
                    fields::settle(span);
                }
            }
        }
        this.set_told();
    }

    /// How many spans the native processors have lost.
    pub fn drops(&self) -> DropCounts {
        self.iter().fold(DropCounts::default(), |sum, processor| match processor {
            Processor::Native(processor) => sum + processor.drops(),
            Processor::Python(_) => sum,
        })
    }

    /// Flushes within `timeout`: the native ones side by side. False if one of them was not done or not reached.
    ///
    /// # Errors
    ///
    /// What a signal handler raises meanwhile, and what one of the user's raises that is no `Exception`.
    pub fn force_flush(&self, py: Python<'_>, timeout: Duration) -> PyResult<bool> {
        let deadline = Instant::now() + timeout;
        let mut flushed = true;
        let mut pending = Vec::new();
        for processor in self.iter() {
            match processor {
                Processor::Native(processor) => pending.push(processor.begin_flush()),
                Processor::Python(processor) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        flushed = false;
                        continue;
                    }
                    let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                    let result = processor.bind(py).call_method1("force_flush", (millis,));
                    // As in the stock SDK, whatever is not `False` (`None`, say) is a success.
                    flushed &= match passing(py, result)? {
                        Ok(result) => result.extract::<bool>().unwrap_or(true),
                        Err(error) => report(py, "force_flush", Err(error)),
                    };
                }
            }
        }
        Ok(wait_for(py, pending, deadline, While::GreenletsRun)? && flushed)
    }

    /// Begins to shut down, in order; the native ones until the deadline, and what is left of them is returned.
    ///
    /// # Errors
    ///
    /// What one of the user's raises that is no `Exception`.
    pub fn begin_shutdown(&self, py: Python<'_>, deadline: Instant) -> PyResult<Vec<Box<dyn Pending>>> {
        let mut pending = Vec::new();
        for processor in self.iter() {
            match processor {
                Processor::Native(processor) => pending.push(processor.begin_shutdown(deadline)),
                Processor::Python(processor) => {
                    let result = processor.bind(py).call_method0("shutdown");
                    if let Err(error) = passing(py, result)? {
                        report(py, "shutdown", Err(error));
                    }
                }
            }
        }
        Ok(pending)
    }

    /// Whether some of them are Python's.
    pub fn have_python(&self) -> bool {
        self.iter().any(|processor| matches!(processor, Processor::Python(_)))
    }
}

/// Passes on what is no `Exception`: an exit, an interrupt, what gevent throws.
fn passing<T>(py: Python<'_>, result: PyResult<T>) -> PyResult<PyResult<T>> {
    match result {
        Err(error) if !error.is_instance_of::<PyException>(py) => Err(error),
        result => Ok(result),
    }
}

/// [`report`], and withholds the span if the processor was writing into it.
fn report_for(span: &Bound<'_, Span>, method: &str, result: PyResult<Bound<'_, PyAny>>) {
    if let Err(error) = &result {
        fields::failed(span, error);
    }
    report(span.py(), method, result);
}

/// Logs what a processor of the user's raised, once per method.
fn report(py: Python<'_>, method: &str, result: PyResult<Bound<'_, PyAny>>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            if !guard::pass_on(py, &error) {
                let message = format!("A span processor's {method} failed; the application goes on: {error}");
                log::error_once(py, &format!("span processor {method}"), &message);
            }
            false
        }
    }
}
