//! The console exporter: the JSON that the Python SDK's `ConsoleMetricExporter` prints.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::{InstrumentationScope, KeyValue};

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, ExponentialBucket, Metric, MetricData, ScopeMetrics};
use opentelemetry_sdk::metrics::{InstrumentKind, Temporality};

use super::export::{MetricBatch, MetricExport, MetricExporterFactory};
use crate::attributes::{AttributeValue, Key, to_json};
use crate::queue::ExportError;
use crate::stdio;

/// What makes a console exporter in each process that needs one.
pub fn console_metric_exporter() -> MetricExporterFactory {
    Arc::new(|| Box::new(ConsoleMetricExporter))
}

/// Prints metrics to standard output.
struct ConsoleMetricExporter;

impl MetricExport for ConsoleMetricExporter {
    fn export(&self, batch: &MetricBatch<'_>, _within: Option<Duration>) -> Result<(), ExportError> {
        let mut text = metrics_json(batch, Some(4));
        text.push('\n');
        stdio::print(&text).map_err(|error| format!("standard output cannot be written: {error}").into())
    }

    fn temporality(&self, _kind: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}

/// A batch as `MetricsData.to_json` of the Python SDK renders it.
pub(crate) fn metrics_json(batch: &MetricBatch<'_>, indent: Option<usize>) -> String {
    let resource = map([
        ("attributes", batch.resource.attributes().to_value()),
        ("schema_url", text(batch.resource.schema_url())),
    ]);
    let scopes = batch.metrics.scope_metrics().map(|scope| scope_metrics(scope, batch));
    let resource_metrics = map([
        ("resource", resource),
        ("scope_metrics", array(scopes)),
        ("schema_url", text(batch.resource.schema_url())),
    ]);
    to_json(&map([("resource_metrics", array([resource_metrics]))]), indent)
}

fn scope_metrics(metrics: &ScopeMetrics, batch: &MetricBatch<'_>) -> AttributeValue {
    let scope = metrics.scope();
    let schema_url = text(scope.schema_url().unwrap_or_default());
    let metrics = metrics.metrics().map(|metric| {
        let integral = batch.is_integral(scope.name(), metric.name());
        map([
            ("name", text(metric.name())),
            ("description", text(metric.description())),
            ("unit", text(metric.unit())),
            ("data", data(metric, integral)),
        ])
    });
    map([("scope", scope_json(scope)), ("metrics", array(metrics)), ("schema_url", schema_url)])
}

fn scope_json(scope: &InstrumentationScope) -> AttributeValue {
    let attributes = attributes(scope.attributes());
    map([
        ("name", text(scope.name())),
        ("version", scope.version().map_or(AttributeValue::Null, text)),
        ("schema_url", text(scope.schema_url().unwrap_or_default())),
        ("attributes", if attributes == map([]) { AttributeValue::Null } else { attributes }),
    ])
}

fn data(metric: &Metric, integral: bool) -> AttributeValue {
    match metric.data() {
        AggregatedMetrics::F64(data) => points(data, |value| {
            #[expect(clippy::cast_possible_truncation, reason = "every value recorded was a whole number")]
            if integral { AttributeValue::I64(value as i64) } else { AttributeValue::F64(value) }
        }),
        AggregatedMetrics::U64(data) => points(data, integer),
        AggregatedMetrics::I64(data) => points(data, AttributeValue::I64),
    }
}

fn points<T: Copy>(data: &MetricData<T>, number: impl Fn(T) -> AttributeValue) -> AttributeValue {
    match data {
        MetricData::Gauge(gauge) => {
            let point = |attributes, value| number_point(attributes, AttributeValue::Null, gauge.time(), number(value));
            let points = gauge.data_points().map(|data| point(attributes(data.attributes()), data.value()));
            map([("data_points", array(points))])
        }
        MetricData::Sum(sum) => {
            let start = nanoseconds(sum.start_time());
            let point = |attributes, value| number_point(attributes, start.clone(), sum.time(), number(value));
            let points = sum.data_points().map(|data| point(attributes(data.attributes()), data.value()));
            map([
                ("data_points", array(points)),
                ("aggregation_temporality", temporality(sum.temporality())),
                ("is_monotonic", AttributeValue::Bool(sum.is_monotonic())),
            ])
        }
        MetricData::Histogram(histogram) => {
            let points = histogram.data_points().map(|point| {
                map([
                    ("attributes", attributes(point.attributes())),
                    ("start_time_unix_nano", nanoseconds(histogram.start_time())),
                    ("time_unix_nano", nanoseconds(histogram.time())),
                    ("count", integer(point.count())),
                    ("sum", number(point.sum())),
                    ("bucket_counts", array(point.bucket_counts().map(integer))),
                    ("explicit_bounds", array(point.bounds().map(AttributeValue::F64))),
                    ("min", point.min().map_or(AttributeValue::Null, &number)),
                    ("max", point.max().map_or(AttributeValue::Null, &number)),
                    ("exemplars", array([])),
                ])
            });
            map([("data_points", array(points)), ("aggregation_temporality", temporality(histogram.temporality()))])
        }
        MetricData::ExponentialHistogram(histogram) => {
            let points = histogram.data_points().map(|point| {
                map([
                    ("attributes", attributes(point.attributes())),
                    ("start_time_unix_nano", nanoseconds(histogram.start_time())),
                    ("time_unix_nano", nanoseconds(histogram.time())),
                    ("count", integer(point.count() as u64)),
                    ("sum", number(point.sum())),
                    ("scale", AttributeValue::I64(point.scale().into())),
                    ("zero_count", integer(point.zero_count())),
                    ("positive", buckets(point.positive_bucket())),
                    ("negative", buckets(point.negative_bucket())),
                    ("flags", AttributeValue::I64(0)),
                    ("min", point.min().map_or(AttributeValue::Null, &number)),
                    ("max", point.max().map_or(AttributeValue::Null, &number)),
                    ("exemplars", array([])),
                ])
            });
            map([("data_points", array(points)), ("aggregation_temporality", temporality(histogram.temporality()))])
        }
    }
}

fn buckets(buckets: &ExponentialBucket) -> AttributeValue {
    map([
        ("offset", AttributeValue::I64(buckets.offset().into())),
        ("bucket_counts", array(buckets.counts().map(integer))),
    ])
}

fn number_point(
    attributes: AttributeValue,
    start: AttributeValue,
    time: SystemTime,
    value: AttributeValue,
) -> AttributeValue {
    map([
        ("attributes", attributes),
        ("start_time_unix_nano", start),
        ("time_unix_nano", nanoseconds(time)),
        ("value", value),
        ("exemplars", array([])),
    ])
}

/// By key: the SDK does not keep the order in which they were given.
fn attributes<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> AttributeValue {
    let entry = |attribute: &KeyValue| (attribute.key.as_str().to_owned().into(), (&attribute.value).into());
    let mut entries: Vec<(Key, AttributeValue)> = attributes.map(entry).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    AttributeValue::Map(entries)
}

/// Numbered as `AggregationTemporality` of the Python SDK.
fn temporality(temporality: Temporality) -> AttributeValue {
    AttributeValue::I64(if temporality == Temporality::Delta { 1 } else { 2 })
}

fn nanoseconds(time: SystemTime) -> AttributeValue {
    let elapsed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    AttributeValue::I64(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
}

fn integer(value: u64) -> AttributeValue {
    AttributeValue::I64(i64::try_from(value).unwrap_or(i64::MAX))
}

fn text(text: &str) -> AttributeValue {
    text.to_owned().into()
}

fn map(entries: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> AttributeValue {
    AttributeValue::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn array(items: impl IntoIterator<Item = AttributeValue>) -> AttributeValue {
    AttributeValue::Array(items.into_iter().collect())
}
