//! Parts of a request of metrics: so many data points of it, under the same resource, scope and metric.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary,
};

/// How many data points a request has.
pub(super) fn count_points(request: &ExportMetricsServiceRequest) -> usize {
    request.resource_metrics.iter().map(of_resource).sum()
}

/// Leaves the first `at` data points in the request and gives one of the others.
pub(super) fn split_off(request: &mut ExportMetricsServiceRequest, at: usize) -> ExportMetricsServiceRequest {
    let resource_metrics = split(&mut request.resource_metrics, at, of_resource, |whole, at| ResourceMetrics {
        resource: whole.resource.clone(),
        schema_url: whole.schema_url.clone(),
        scope_metrics: split(&mut whole.scope_metrics, at, of_scope, |whole, at| ScopeMetrics {
            scope: whole.scope.clone(),
            schema_url: whole.schema_url.clone(),
            metrics: split(&mut whole.metrics, at, of_metric, |whole, at| Metric {
                name: whole.name.clone(),
                description: whole.description.clone(),
                unit: whole.unit.clone(),
                metadata: whole.metadata.clone(),
                data: whole.data.as_mut().map(|data| split_data(data, at)),
            }),
        }),
    });
    ExportMetricsServiceRequest { resource_metrics }
}

/// Leaves what has the first `at` points in the list and gives the rest; `cut` does so with the one that has both.
fn split<T>(list: &mut Vec<T>, mut at: usize, count: fn(&T) -> usize, cut: impl Fn(&mut T, usize) -> T) -> Vec<T> {
    let mut rest = Vec::new();
    let mut index = 0;
    while let Some(item) = list.get_mut(index) {
        let points = count(item);
        if points > at {
            if at > 0 {
                rest.push(cut(item, at));
                index += 1;
            }
            break;
        }
        at -= points;
        index += 1;
    }
    rest.extend(list.drain(index..));
    rest
}

fn split_data(data: &mut Data, at: usize) -> Data {
    match data {
        Data::Gauge(whole) => Data::Gauge(Gauge { data_points: whole.data_points.split_off(at) }),
        Data::Sum(whole) => Data::Sum(Sum { data_points: whole.data_points.split_off(at), ..*whole }),
        Data::Histogram(whole) => Data::Histogram(Histogram { data_points: whole.data_points.split_off(at), ..*whole }),
        Data::ExponentialHistogram(whole) => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: whole.data_points.split_off(at),
            aggregation_temporality: whole.aggregation_temporality,
        }),
        Data::Summary(whole) => Data::Summary(Summary { data_points: whole.data_points.split_off(at) }),
    }
}

fn of_resource(resource_metrics: &ResourceMetrics) -> usize {
    resource_metrics.scope_metrics.iter().map(of_scope).sum()
}

fn of_scope(scope_metrics: &ScopeMetrics) -> usize {
    scope_metrics.metrics.iter().map(of_metric).sum()
}

fn of_metric(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, NumberDataPoint};

    use super::*;

    fn request() -> ExportMetricsServiceRequest {
        let number = |time_unix_nano| NumberDataPoint { time_unix_nano, ..Default::default() };
        let sum = Sum { data_points: vec![number(1), number(2)], aggregation_temporality: 1, is_monotonic: true };
        let points = [3, 4, 5].map(|time_unix_nano| HistogramDataPoint { time_unix_nano, ..Default::default() });
        let histogram = Histogram { data_points: points.into(), aggregation_temporality: 2 };
        let metric = |name: &str, data| Metric { name: name.to_owned(), data: Some(data), ..Default::default() };
        let scope =
            |schema_url: &str, metrics| ScopeMetrics { schema_url: schema_url.to_owned(), metrics, scope: None };
        let gauge = Data::Gauge(Gauge { data_points: vec![number(6)] });
        let first = scope("one", vec![metric("s", Data::Sum(sum)), metric("h", Data::Histogram(histogram))]);
        let resource = ResourceMetrics {
            scope_metrics: vec![first, scope("other", vec![metric("g", gauge)])],
            schema_url: "resource".to_owned(),
            ..Default::default()
        };
        ExportMetricsServiceRequest { resource_metrics: vec![resource] }
    }

    /// What stands around each point, and its time.
    fn points(request: &ExportMetricsServiceRequest) -> Vec<(String, u64)> {
        let mut points = Vec::new();
        for resource in &request.resource_metrics {
            for scope in &resource.scope_metrics {
                for metric in &scope.metrics {
                    let around = format!("{} {} {}", resource.schema_url, scope.schema_url, metric.name);
                    let (kind, times): (_, Vec<_>) = match &metric.data {
                        Some(Data::Gauge(gauge)) => ("", gauge.data_points.iter().map(|p| p.time_unix_nano).collect()),
                        Some(Data::Sum(sum)) => {
                            assert!(sum.is_monotonic);
                            ("delta", sum.data_points.iter().map(|p| p.time_unix_nano).collect())
                        }
                        Some(Data::Histogram(histogram)) => {
                            assert_eq!(histogram.aggregation_temporality, 2);
                            ("", histogram.data_points.iter().map(|p| p.time_unix_nano).collect())
                        }
                        other => panic!("{other:?}"),
                    };
                    assert!(!times.is_empty());
                    points.extend(times.into_iter().map(|time| (format!("{around} {kind}"), time)));
                }
            }
        }
        points
    }

    #[test]
    fn the_parts_have_all_the_points_in_their_order() {
        let whole = points(&request());
        assert_eq!(whole.len(), 6);
        for at in 0..=7 {
            let mut first = request();
            let rest = split_off(&mut first, at);
            assert_eq!((count_points(&first), count_points(&rest)), (at.min(6), 6 - at.min(6)));
            assert_eq!([points(&first), points(&rest)].concat(), whole, "{at}");
        }
    }
}
