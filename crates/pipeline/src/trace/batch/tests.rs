use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, ThreadId};

use super::super::export::SpanExport;
use super::super::{Origin, SpanContext, SpanKind, Status, TraceFlags};
use super::*;
use crate::attributes::Attributes;
use crate::queue::ConfigError;
use crate::resource::Resource;

/// What the exporter was given: the names of one batch, and the thread.
type Exported = (Vec<String>, ThreadId);

/// Sends what it is given to the test; waits for a permit first, if there is a channel of them.
struct Recorder {
    exported: Sender<Exported>,
    permits: Option<Arc<Mutex<Receiver<()>>>>,
}

impl SpanExport for Recorder {
    fn export(&mut self, spans: Vec<QueuedSpan>, _: &Resource, _: Option<Duration>) -> Result<(), Failure<QueuedSpan>> {
        if let Some(permits) = &self.permits {
            let _ = permits.lock().unwrap().recv();
        }
        self.exported.send((names(&spans), thread::current().id())).map_err(|error| error.to_string().into())
    }
}

fn names(spans: &[QueuedSpan]) -> Vec<String> {
    let name = |span: &QueuedSpan| match span {
        QueuedSpan::Record(record) => record.name.to_string(),
        QueuedSpan::Encoded(..) => "encoded".to_owned(),
    };
    spans.iter().map(name).collect()
}

fn config(max_queue_size: usize, max_export_batch_size: usize, schedule_delay: Duration) -> BatchConfig {
    BatchConfig { max_queue_size, schedule_delay, max_export_batch_size }
}

fn recording(config: BatchConfig) -> (BatchSpanProcessor, Receiver<Exported>) {
    let (exported, received) = channel();
    let exported = Mutex::new(exported);
    let factory: SpanExporterFactory =
        Arc::new(move || Ok(Box::new(Recorder { exported: exported.lock().unwrap().clone(), permits: None })));
    (BatchSpanProcessor::new(config, factory), received)
}

/// An exporter that waits for a permit before each batch, as one does whose collector hangs.
fn hanging(config: BatchConfig) -> (BatchSpanProcessor, Receiver<Exported>, Sender<()>) {
    let (exported, received) = channel();
    let (permit, permits) = channel();
    let (exported, permits) = (Mutex::new(exported), Arc::new(Mutex::new(permits)));
    let factory: SpanExporterFactory = Arc::new(move || {
        let permits = Some(Arc::clone(&permits));
        Ok(Box::new(Recorder { exported: exported.lock().unwrap().clone(), permits }))
    });
    (BatchSpanProcessor::new(config, factory), received, permit)
}

fn span(name: &'static str) -> Arc<SpanRecord> {
    span_with_flags(name, TraceFlags::SAMPLED)
}

fn span_with_flags(name: &'static str, trace_flags: TraceFlags) -> Arc<SpanRecord> {
    Arc::new(SpanRecord {
        context: SpanContext { trace_id: [1; 16], span_id: [1; 8], trace_flags, ..SpanContext::default() },
        parent: None,
        name: name.into(),
        kind: SpanKind::Internal,
        start_ns: 1,
        end_ns: Some(2),
        attributes: Attributes::default(),
        events: Default::default(),
        dropped_events: 0,
        links: Default::default(),
        dropped_links: 0,
        status: Status::default(),
        origin: Arc::clone(ORIGIN.get_or_init(|| Arc::new(Origin::new(Arc::default(), Arc::default())))),
        successor: Default::default(),
    })
}

/// One for all spans: a batch is exported in one piece if its spans share a resource.
static ORIGIN: OnceLock<Arc<Origin>> = OnceLock::new();

const LONG: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_flush_exports_all_in_order_on_another_thread() {
    let (processor, received) = recording(config(10, 2, LONG));
    for name in ["a", "b", "c"] {
        processor.on_end(&span(name));
    }
    assert!(processor.force_flush(SOON));
    let batches: Vec<_> = received.try_iter().collect();
    assert_eq!(batches.iter().flat_map(|(names, _)| names).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(batches.iter().all(|(names, thread)| names.len() <= 2 && *thread != thread::current().id()));
    assert!(processor.shutdown(SOON));
}

#[test]
fn a_full_batch_is_exported_at_once_and_a_smaller_one_after_the_delay() {
    let (processor, received) = recording(config(10, 2, LONG));
    processor.on_end(&span("a"));
    processor.on_end(&span("b"));
    assert_eq!(received.recv_timeout(SOON).unwrap().0, ["a", "b"]);

    let (processor, received) = recording(config(10, 2, SHORT));
    processor.on_end(&span("a"));
    assert_eq!(received.recv_timeout(SOON).unwrap().0, ["a"]);
}

#[test]
fn nothing_starts_before_the_first_span() {
    let factory: SpanExporterFactory = Arc::new(|| panic!("built without a span"));
    let processor = BatchSpanProcessor::new(config(10, 2, SHORT), factory);
    processor.on_end(&span_with_flags("not sampled", TraceFlags::default()));
    assert!(processor.queue.get().is_none());
    assert!(processor.force_flush(SHORT));
    assert!(processor.shutdown(SHORT));
}

#[test]
fn a_full_queue_drops_its_oldest_span_and_counts_it() {
    let (processor, received, permit) = hanging(config(2, 1, LONG));
    processor.on_end(&span("exporting"));
    // The thread has taken the first span once the queue is empty.
    while !processor.queue().is_taken() {
        thread::yield_now();
    }
    for name in ["a", "b", "c"] {
        processor.on_end(&span(name));
    }
    assert_eq!(processor.dropped_spans(), 1);
    for _ in 0..3 {
        permit.send(()).unwrap();
    }
    let names: Vec<_> = (0..3).flat_map(|_| received.recv_timeout(SOON).unwrap().0).collect();
    assert_eq!(names, ["exporting", "b", "c"]);
}

#[test]
fn deadlines_hold_while_the_collector_hangs() {
    let (processor, _received, _permit) = hanging(config(10, 1, LONG));
    processor.on_end(&span("a"));
    processor.on_end(&span("b"));
    let begin = Instant::now();
    assert!(!processor.force_flush(SHORT));
    assert!(!processor.shutdown(SHORT));
    assert!(begin.elapsed() < SOON);
    assert_eq!(processor.dropped_spans(), 2);
}

#[test]
fn a_shutdown_exports_the_rest_and_nothing_later() {
    let (processor, received) = recording(config(10, 5, LONG));
    processor.on_end(&span("a"));
    assert!(processor.shutdown(SOON));
    processor.on_end(&span("late"));
    assert!(!processor.force_flush(SOON));
    assert!(processor.shutdown(SOON));
    assert_eq!(received.try_iter().flat_map(|(names, _)| names).collect::<Vec<_>>(), ["a"]);
    assert_eq!(processor.dropped_spans(), 1);
}

#[test]
fn a_dropped_processor_leaves_no_thread_and_no_span_behind() {
    let (processor, received) = recording(config(10, 5, LONG));
    processor.on_end(&span("a"));
    let shared = Arc::downgrade(processor.queue());
    drop(processor);
    assert_eq!(received.recv_timeout(SOON).unwrap().0, ["a"]);
    let begin = Instant::now();
    while shared.upgrade().is_some() {
        assert!(begin.elapsed() < SOON);
        thread::yield_now();
    }
}

#[test]
fn an_exporter_that_cannot_be_built_or_panics_costs_its_spans_alone() {
    let attempts = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&attempts);
    let factory: SpanExporterFactory = Arc::new(move || {
        assert!(counted.fetch_add(1, Ordering::Relaxed) > 0, "the first attempt");
        Err("no such endpoint".to_owned())
    });
    let processor = BatchSpanProcessor::new(config(10, 1, LONG), factory);
    for _ in 0..2 {
        processor.on_end(&span("a"));
        assert!(!processor.force_flush(SOON));
    }
    assert_eq!((attempts.load(Ordering::Relaxed), processor.dropped_spans()), (2, 2));
    assert!(processor.shutdown(SOON));
}

#[test]
fn sizes_that_cannot_work_are_refused() {
    let refusal = |queue, batch, delay| config(queue, batch, delay).validated().unwrap_err();
    assert_eq!(refusal(0, 1, LONG), ConfigError::QueueSize);
    assert_eq!(refusal(1, 0, LONG), ConfigError::BatchSize);
    assert_eq!(refusal(1, 1, Duration::ZERO), ConfigError::ScheduleDelay);
    assert_eq!(refusal(1, 2, LONG), ConfigError::BatchOverQueue);
    assert!(config(2, 2, LONG).validated().is_ok());
}
