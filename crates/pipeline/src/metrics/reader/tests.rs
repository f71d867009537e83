//! What becomes of measurements while exports fail.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use super::*;
use crate::metrics::console::metrics_json;
use crate::metrics::{Instrument, InstrumentSpec, Kind, MeterPipeline, Number, Numbers, preferred_temporality};
use crate::queue::wait_until;
use crate::trace::Scope;

const SOON: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(3600);

/// What a test lets the exporter answer: success, or whether another attempt may help.
type Answer = Result<(), bool>;

/// Tells of each attempt as JSON, waits for the answer and fails as it says.
struct Scripted {
    attempts: Mutex<Sender<String>>,
    answers: Arc<Mutex<Receiver<Answer>>>,
    preference: Temporality,
}

impl MetricExport for Scripted {
    fn export(&self, batch: &MetricBatch<'_>, _within: Option<Duration>) -> Result<(), ExportError> {
        let _ = self.attempts.lock().unwrap().send(metrics_json(batch, None));
        match self.answers.lock().unwrap().recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(retry)) => Err(ExportError { message: "busy".to_owned(), retry: retry.then_some(None) }),
            Err(_) => panic!("the test is over"),
        }
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        preferred_temporality(self.preference, kind)
    }

    fn patience(&self) -> Duration {
        LONG
    }
}

struct Fixture {
    pipeline: Arc<MeterPipeline>,
    attempts: Receiver<String>,
    answers: Sender<Answer>,
}

impl Fixture {
    fn new(preference: Temporality) -> Self {
        let (to_test, attempts) = channel();
        let (answers, from_test) = channel();
        let (to_test, from_test) = (Mutex::new(to_test), Arc::new(Mutex::new(from_test)));
        let exporter: MetricExporterFactory = Arc::new(move || {
            let attempts = Mutex::new(to_test.lock().unwrap().clone());
            Box::new(Scripted { attempts, answers: Arc::clone(&from_test), preference })
        });
        let pipeline = MeterPipeline::new(Arc::default(), vec![ReaderConfig { exporter, interval: LONG }]);
        Self { pipeline, attempts, answers }
    }

    fn instrument(&self, kind: Kind, name: &'static str) -> Arc<Instrument> {
        self.pipeline.meter(Scope::default()).instrument(InstrumentSpec {
            kind,
            numbers: Numbers::Integer,
            name: name.into(),
            unit: "".into(),
            description: "".into(),
            boundaries: None,
        })
    }

    /// The next attempt, and what it gets.
    fn attempt(&self, answer: Answer) -> String {
        let attempt = self.attempts.recv_timeout(SOON).unwrap();
        self.answers.send(answer).unwrap();
        attempt
    }

    fn flush(&self) -> Box<dyn queue::Pending> {
        self.pipeline.begin_flush()
    }
}

fn ends_well(pending: Box<dyn queue::Pending>) -> bool {
    wait_until(pending, Instant::now() + SOON)
}

fn values(attempt: &str) -> Vec<i64> {
    let number = |rest: &str| rest.split([',', '}']).next().unwrap().parse().unwrap();
    attempt.split("\"value\": ").skip(1).map(number).collect()
}

#[test]
fn a_delta_of_a_failed_export_comes_later_and_what_came_meanwhile_after_it() {
    let fixture = Fixture::new(Temporality::Delta);
    let counter = fixture.instrument(Kind::Counter, "c");
    counter.record(Number::I64(1), &[]);
    let flush = fixture.flush();
    assert_eq!(values(&fixture.attempt(Err(true))), [1]);
    counter.record(Number::I64(2), &[]);
    counter.record(Number::I64(4), &[]);
    let another = fixture.flush();
    assert_eq!(values(&fixture.attempt(Err(true))), [1]);
    assert_eq!(values(&fixture.attempt(Ok(()))), [1]);
    assert!(ends_well(flush));
    assert_eq!(values(&fixture.attempt(Ok(()))), [6]);
    assert!(ends_well(another) && !fixture.pipeline.queued());
}

#[test]
fn a_histogram_does_so_without_a_flush() {
    let fixture = Fixture::new(Temporality::LowMemory);
    let histogram = fixture.instrument(Kind::Histogram, "h");
    histogram.record(Number::I64(3), &[]);
    drop(fixture.flush());
    assert!(fixture.attempt(Err(true)).contains(r#""count": 1, "sum": 3"#));
    histogram.record(Number::I64(5), &[]);
    assert!(fixture.attempt(Ok(())).contains(r#""count": 1, "sum": 3"#));
    assert!(fixture.attempt(Ok(())).contains(r#""count": 1, "sum": 5"#));
}

#[test]
fn a_cumulative_attempt_has_what_was_measured_meanwhile() {
    let fixture = Fixture::new(Temporality::Cumulative);
    let counter = fixture.instrument(Kind::Counter, "c");
    counter.record(Number::I64(1), &[]);
    let flush = fixture.flush();
    let attempt = fixture.attempts.recv_timeout(SOON).unwrap();
    assert_eq!(values(&attempt), [1]);
    counter.record(Number::I64(2), &[]);
    fixture.answers.send(Err(true)).unwrap();
    assert_eq!(values(&fixture.attempt(Ok(()))), [3]);
    assert!(ends_well(flush) && !fixture.pipeline.queued());
}

#[test]
fn a_gauge_that_was_set_once_is_exported_each_time() {
    for preference in [Temporality::Delta, Temporality::LowMemory, Temporality::Cumulative] {
        let fixture = Fixture::new(preference);
        fixture.instrument(Kind::Gauge, "g").record(Number::I64(7), &[]);
        for _ in 0..2 {
            let flush = fixture.flush();
            assert_eq!(values(&fixture.attempt(Ok(()))), [7]);
            assert!(ends_well(flush));
        }
    }
}

#[test]
fn a_refused_or_panicking_export_fails_the_flush_and_not_the_next_one() {
    let fixture = Fixture::new(Temporality::Delta);
    let counter = fixture.instrument(Kind::Counter, "c");
    counter.record(Number::I64(1), &[]);
    let flush = fixture.flush();
    fixture.attempt(Err(false));
    assert!(!ends_well(flush));
    assert_eq!(fixture.pipeline.drops().export_failed, 1);
    counter.record(Number::I64(2), &[]);
    let flush = fixture.flush();
    assert_eq!(values(&fixture.attempt(Ok(()))), [2]);
    assert!(ends_well(flush));

    drop(fixture.answers);
    counter.record(Number::I64(2), &[]);
    assert!(!ends_well(fixture.pipeline.begin_flush()));
    counter.record(Number::I64(2), &[]);
    assert!(!ends_well(fixture.pipeline.begin_shutdown(Instant::now() + SOON)));
}

#[test]
fn what_was_measured_is_queued_until_it_is_exported() {
    let fixture = Fixture::new(Temporality::Cumulative);
    let counter = fixture.instrument(Kind::Counter, "c");
    assert!(!fixture.pipeline.queued());
    counter.record(Number::I64(1), &[]);
    assert!(fixture.pipeline.queued());
    let flush = fixture.flush();
    let _ = fixture.attempts.recv_timeout(SOON).unwrap();
    assert!(fixture.pipeline.queued());
    counter.bind(Vec::new()).record(Number::I64(1));
    fixture.answers.send(Ok(())).unwrap();
    assert!(ends_well(flush) && fixture.pipeline.queued());
    let flush = fixture.flush();
    fixture.attempt(Ok(()));
    assert!(ends_well(flush) && !fixture.pipeline.queued());
}

#[test]
fn a_shutdown_tries_until_its_deadline() {
    let fixture = Fixture::new(Temporality::Cumulative);
    let counter = fixture.instrument(Kind::Counter, "c");
    counter.record(Number::I64(1), &[]);
    let end = fixture.pipeline.begin_shutdown(Instant::now() + SOON);
    for _ in 0..3 {
        assert_eq!(values(&fixture.attempt(Err(true))), [1]);
    }
    assert_eq!(values(&fixture.attempt(Ok(()))), [1]);
    assert!(ends_well(end));

    let fixture = Fixture::new(Temporality::Delta);
    fixture.instrument(Kind::Counter, "c").record(Number::I64(1), &[]);
    assert!(!ends_well(fixture.pipeline.begin_shutdown(Instant::now() + Duration::from_millis(50))));
    assert_eq!(fixture.pipeline.drops().deadline, 1);
}

#[test]
fn a_pipeline_that_is_dropped_exports_what_it_has() {
    let fixture = Fixture::new(Temporality::Delta);
    fixture.instrument(Kind::Counter, "c").record(Number::I64(9), &[]);
    drop(fixture.pipeline);
    assert_eq!(values(&fixture.attempts.recv_timeout(SOON).unwrap()), [9]);
    fixture.answers.send(Ok(())).unwrap();
    assert!(fixture.attempts.recv_timeout(SOON).is_err(), "the thread has let go of the exporter");
}
