//! Through the SDK's aggregation to a recording exporter.

use std::sync::Mutex;
use std::thread;

use opentelemetry::KeyValue;

use super::*;
use crate::attributes::Attributes;
use crate::metrics::console::metrics_json;
use crate::metrics::{InstrumentKind, InstrumentSpec, Kind, MetricBatch, MetricExport, Number, Numbers, Temporality};
use crate::queue::ExportError;

/// Keeps each batch as JSON; hangs for a while first, if it is told to.
struct Recorder {
    batches: Arc<Mutex<Vec<String>>>,
    delay: Duration,
}

impl MetricExport for Recorder {
    fn export(&self, batch: &MetricBatch<'_>, _within: Option<Duration>) -> Result<(), ExportError> {
        thread::sleep(self.delay);
        self.batches.lock().unwrap().push(metrics_json(batch, None));
        Ok(())
    }

    fn temporality(&self, _kind: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}

struct Fixture {
    pipeline: Arc<MeterPipeline>,
    batches: Arc<Mutex<Vec<String>>>,
}

impl Fixture {
    fn new(delay: Duration) -> Self {
        let batches = Arc::<Mutex<Vec<String>>>::default();
        let recorded = Arc::clone(&batches);
        let exporter: super::super::MetricExporterFactory =
            Arc::new(move || Box::new(Recorder { batches: Arc::clone(&recorded), delay }));
        let resource = Resource::new(Attributes::from_iter([("service.name", "test")]), "");
        let interval = Duration::from_secs(3600);
        let pipeline = MeterPipeline::new(Arc::new(resource), vec![ReaderConfig { exporter, interval }]);
        Self { pipeline, batches }
    }

    fn instrument(&self, kind: Kind, numbers: Numbers, name: &'static str) -> Arc<super::super::Instrument> {
        let scope = Scope { name: "scope".into(), version: "1".into(), schema_url: "url".into(), ..Default::default() };
        self.pipeline.meter(scope).instrument(InstrumentSpec {
            kind,
            numbers,
            name: name.into(),
            unit: "ms".into(),
            description: "d".into(),
            boundaries: None,
        })
    }

    fn flushed(&self) -> String {
        assert!(self.pipeline.force_flush(Duration::from_secs(5)));
        self.batches.lock().unwrap().pop().unwrap_or_default()
    }
}

fn fixture() -> Fixture {
    Fixture::new(Duration::ZERO)
}

fn attributes() -> Vec<KeyValue> {
    vec![KeyValue::new("k", "v")]
}

#[test]
fn nothing_starts_before_the_first_record() {
    let fixture = fixture();
    let counter = fixture.instrument(Kind::Counter, Numbers::Integer, "c");
    let bound = counter.bind(attributes());
    assert!(fixture.pipeline.running().is_none());
    bound.record(Number::I64(1));
    assert!(fixture.pipeline.running().is_some());
}

#[test]
fn records_and_bound_records_of_one_attribute_set_share_a_point() {
    let fixture = fixture();
    let counter = fixture.instrument(Kind::Counter, Numbers::Integer, "Requests");
    counter.record(Number::F64(1.9), &attributes());
    counter.bind(attributes()).record(Number::F64(2.0));
    let json = fixture.flushed();
    assert!(json.contains(r#""name": "requests", "description": "d", "unit": "ms""#), "{json}");
    assert!(json.contains(r#""value": 3, "#), "{json}");
    assert_eq!(json.matches("\"k\": \"v\"").count(), 1, "{json}");
}

#[test]
fn a_python_instrument_is_integral_until_a_float_comes() {
    let fixture = fixture();
    let counter = fixture.instrument(Kind::UpDownCounter, Numbers::AsRecorded, "c");
    counter.record(Number::I64(-2), &[]);
    assert!(fixture.flushed().contains(r#""value": -2, "#));
    counter.record(Number::F64(0.5), &[]);
    assert!(fixture.flushed().contains(r#""value": -1.5, "#));
}

#[test]
fn a_histogram_has_the_default_boundaries_of_python() {
    let fixture = fixture();
    let histogram = fixture.instrument(Kind::Histogram, Numbers::Integer, "h");
    histogram.record(Number::F64(7.0), &[]);
    let json = fixture.flushed();
    let bounds =
        "[0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0]";
    assert!(json.contains(&format!("\"explicit_bounds\": {bounds}, \"min\": 7, \"max\": 7")), "{json}");
    assert!(json.contains(r#""count": 1, "sum": 7, "bucket_counts": [0, 0, 1, 0"#), "{json}");
}

#[test]
fn values_that_make_no_sense_are_ignored() {
    let fixture = fixture();
    let counter = fixture.instrument(Kind::Counter, Numbers::Double, "c");
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        counter.record(Number::F64(value), &[]);
    }
    assert!(fixture.pipeline.running().is_none());
}

#[test]
fn shutdown_exports_once_and_ends_recording() {
    let fixture = fixture();
    let counter = fixture.instrument(Kind::Counter, Numbers::Integer, "c");
    counter.record(Number::I64(1), &[]);
    assert!(fixture.pipeline.shutdown(Duration::from_secs(5)));
    assert_eq!(fixture.batches.lock().unwrap().len(), 1);
    assert!(fixture.pipeline.shutdown(Duration::from_secs(5)));
    assert_eq!(fixture.batches.lock().unwrap().len(), 1);
}

#[test]
fn a_first_record_after_shutdown_starts_nothing() {
    let fixture = fixture();
    fixture.pipeline.shutdown(Duration::from_secs(5));
    fixture.instrument(Kind::Counter, Numbers::Integer, "c").record(Number::I64(1), &[]);
    assert!(fixture.pipeline.running().is_none());
}

#[test]
fn deadlines_hold_while_the_exporter_hangs() {
    let fixture = Fixture::new(Duration::from_secs(30));
    fixture.instrument(Kind::Counter, Numbers::Integer, "c").record(Number::I64(1), &[]);
    let started = Instant::now();
    assert!(!fixture.pipeline.force_flush(Duration::from_millis(50)));
    assert!(!fixture.pipeline.shutdown(Duration::from_millis(50)));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture bound"]
fn a_bound_record_is_cheap() {
    let fixture = fixture();
    let bound = fixture.instrument(Kind::Histogram, Numbers::Integer, "h").bind(attributes());
    let rounds = 1_000_000_u32;
    let started = Instant::now();
    for round in 0..rounds {
        bound.record(Number::F64(f64::from(round % 100)));
    }
    println!("{} ns per record", started.elapsed().as_nanos() / u128::from(rounds));
}
