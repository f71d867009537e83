//! The OTLP metric exporter.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;

use super::config::{OtlpArguments, OtlpConfig};
use super::metric_proto;
use super::metric_split::{count_points, split_off};
use super::sender::{SendError, Sender};
use super::signal::Signal;
use crate::diagnostics::{self, Level};
use crate::environment;
use crate::metrics::{
    Aggregation, InstrumentKind, MetricBatch, MetricExport, MetricExporterFactory, Temporality, preferred_temporality,
};
use crate::queue::ExportError;

/// What the program prefers; it wins over the environment.
#[derive(Clone, Debug, Default)]
pub struct OtlpMetricArguments {
    /// By kind of instrument.
    pub temporality: HashMap<InstrumentKind, Temporality>,
    /// By kind of instrument.
    pub aggregation: HashMap<InstrumentKind, Aggregation>,
    /// Most data points of one request.
    pub max_export_batch_size: Option<usize>,
}

/// A checked configuration of an OTLP metric exporter.
#[derive(Clone, Debug)]
pub struct OtlpMetricConfig {
    config: OtlpConfig,
    /// Of what has no preference.
    temporality: Temporality,
    preferences: Arc<OtlpMetricArguments>,
}

impl OtlpMetricConfig {
    /// As [`OtlpConfig::resolve`], with the temporality of `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, by
    /// default cumulative, and the aggregation of histograms of `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`
    /// (OpenTelemetry specification, OTLP Metrics Exporter).
    pub fn resolve(arguments: &OtlpArguments, preferences: &OtlpMetricArguments) -> Self {
        let temporality = environment::parsed(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            Temporality::Cumulative,
            "cumulative, delta or lowmemory",
            "cumulative",
            |value| value.parse().ok(),
        );
        let histogram = environment::parsed(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            None,
            "explicit_bucket_histogram or base2_exponential_bucket_histogram",
            "explicit_bucket_histogram",
            |value| match value.to_ascii_lowercase().as_str() {
                "explicit_bucket_histogram" => Some(None),
                "base2_exponential_bucket_histogram" => Some(Some(Aggregation::Base2ExponentialHistogram {
                    max_size: 160,
                    max_scale: 20,
                    record_min_max: true,
                })),
                _ => None,
            },
        );
        let mut preferences = preferences.clone();
        if let Some(histogram) = histogram {
            preferences.aggregation.entry(InstrumentKind::Histogram).or_insert(histogram);
        }
        Self {
            config: OtlpConfig::resolve(Signal::Metrics, arguments),
            temporality,
            preferences: Arc::new(preferences),
        }
    }

    /// What makes an OTLP metric exporter in each process that needs one. No export takes longer than `timeout`. The
    /// connection is made by the first export.
    pub fn exporter(&self, timeout: Duration) -> MetricExporterFactory {
        let config = self.config.clone().at_most(timeout);
        let Self { temporality, preferences, .. } = self.clone();
        Arc::new(move || {
            let sender = Mutex::new(Sender::new(config.clone()));
            Box::new(Exporter { sender, temporality, preferences: Arc::clone(&preferences) })
        })
    }
}

/// Sends metrics by OTLP, http/protobuf.
struct Exporter {
    sender: Mutex<Sender>,
    temporality: Temporality,
    preferences: Arc<OtlpMetricArguments>,
}

impl MetricExport for Exporter {
    /// Sends one request, or several where there is a limit to its points; one that is too large is sent in halves.
    fn export(&self, batch: &MetricBatch<'_>, within: Option<Duration>) -> Result<(), ExportError> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = sender.timeout();
        let deadline = Instant::now() + within.map_or(patience, |within| within.min(patience));
        let mut rest = metric_proto::request(batch);
        rest = split_off(&mut rest, batch.settled.load(Ordering::Relaxed));
        let mut parts = vec![rest];
        let mut lost = None;
        while let Some(mut part) = parts.pop() {
            let count = count_points(&part);
            if let Some(most) = self.preferences.max_export_batch_size
                && count > most
            {
                parts.push(split_off(&mut part, most));
                parts.push(part);
                continue;
            }
            let within = within.map(|_| deadline.saturating_duration_since(Instant::now()));
            match sender.send(&part.encode_to_vec(), within, count > 1) {
                Ok(answer) => report_partial_success(&sender, &answer),
                Err(SendError { is_too_large: true, .. }) if count > 1 => {
                    parts.push(split_off(&mut part, count / 2));
                    parts.push(part);
                    if Instant::now() >= deadline {
                        let message = "a request that is too large takes many smaller ones".to_owned();
                        return Err(ExportError { message, retry: Some(None) });
                    }
                    continue;
                }
                Err(SendError { error: ExportError { message, retry: None }, .. }) => lost = Some(message),
                Err(SendError { error, .. }) => return Err(error),
            }
            batch.settled.fetch_add(count, Ordering::Relaxed);
        }
        match lost {
            Some(message) => Err(ExportError { message, retry: None }),
            None => Ok(()),
        }
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        let preferred = self.preferences.temporality.get(&kind).copied();
        preferred.unwrap_or_else(|| preferred_temporality(self.temporality, kind))
    }

    fn aggregation(&self, kind: InstrumentKind) -> Option<Aggregation> {
        self.preferences.aggregation.get(&kind).cloned()
    }

    fn patience(&self) -> Duration {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).timeout()
    }
}

/// Says what the collector took only in part (OTLP, Partial Success). An answer that is no protobuf says nothing.
fn report_partial_success(sender: &Sender, answer: &[u8]) {
    let Ok(answer) = ExportMetricsServiceResponse::decode(answer) else { return };
    if let Some(partial) = answer.partial_success
        && (partial.rejected_data_points > 0 || !partial.error_message.is_empty())
    {
        let reason = sender.quote(&partial.error_message);
        let message =
            format!("the collector rejected {} data points, which are lost: {reason}", partial.rejected_data_points);
        diagnostics::report(Level::Warning, "export.metrics.partial", message);
    }
}
