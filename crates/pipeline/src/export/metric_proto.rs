//! Metrics on the wire (`opentelemetry.proto.metrics.v1`), with the fields that the Python exporter fills.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};

use super::common_proto as common;
use crate::metrics::MetricBatch;

/// The request for one collection.
pub(super) fn request(batch: &MetricBatch<'_>) -> ExportMetricsServiceRequest {
    let mut request = ExportMetricsServiceRequest::from(batch.metrics);
    for resource_metrics in &mut request.resource_metrics {
        resource_metrics.resource = Some(common::resource(batch.resource));
        resource_metrics.schema_url = batch.resource.schema_url().to_owned();
        for scope_metrics in &mut resource_metrics.scope_metrics {
            let scope = scope_metrics.scope.as_ref().map(|scope| scope.name.as_str()).unwrap_or_default();
            for metric in &mut scope_metrics.metrics {
                let integral = batch.is_integral(scope, &metric.name);
                adapt(metric, integral);
            }
        }
    }
    request
}

fn adapt(metric: &mut Metric, integral: bool) {
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => {
            for point in &mut gauge.data_points {
                // A gauge has no start in the Python SDK.
                point.start_time_unix_nano = 0;
                adapt_value(point, integral);
            }
        }
        Some(Data::Sum(sum)) => sum.data_points.iter_mut().for_each(|point| adapt_value(point, integral)),
        _ => {}
    }
}

fn adapt_value(point: &mut NumberDataPoint, integral: bool) {
    if let (true, Some(Value::AsDouble(value))) = (integral, &point.value) {
        #[expect(clippy::cast_possible_truncation, reason = "every value recorded was a whole number")]
        let whole = *value as i64;
        point.value = Some(Value::AsInt(whole));
    }
}
