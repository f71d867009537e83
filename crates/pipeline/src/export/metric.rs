//! The OTLP metric exporter.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;

use super::config::{OtlpArguments, OtlpConfig};
use super::metric_proto;
use super::sender::Sender;
use super::signal::Signal;
use crate::diagnostics::{self, Level};
use crate::environment;
use crate::metrics::{
    InstrumentKind, MetricBatch, MetricExport, MetricExporterFactory, Temporality, preferred_temporality,
};
use crate::queue::ExportError;

/// A checked configuration of an OTLP metric exporter.
#[derive(Clone, Debug)]
pub struct OtlpMetricConfig {
    config: OtlpConfig,
    temporality: Temporality,
}

impl OtlpMetricConfig {
    /// As [`OtlpConfig::resolve`], with the temporality of `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, by
    /// default cumulative (OpenTelemetry specification, OTLP Metrics Exporter).
    pub fn resolve(arguments: &OtlpArguments) -> Self {
        let temporality = environment::parsed(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            Temporality::Cumulative,
            "cumulative, delta or lowmemory",
            "cumulative",
            |value| value.parse().ok(),
        );
        let aggregation = "explicit_bucket_histogram";
        environment::parsed(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            (),
            "explicit_bucket_histogram, the one aggregation of the native SDK",
            aggregation,
            |value| (value == aggregation).then_some(()),
        );
        Self { config: OtlpConfig::resolve(Signal::Metrics, arguments), temporality }
    }

    /// What makes an OTLP metric exporter in each process that needs one. No export takes longer than `timeout`. The
    /// connection is made by the first export.
    pub fn exporter(&self, timeout: Duration) -> MetricExporterFactory {
        let config = self.config.clone().at_most(timeout);
        let temporality = self.temporality;
        Arc::new(move || Box::new(Exporter { sender: Mutex::new(Sender::new(config.clone())), temporality }))
    }
}

/// Sends metrics by OTLP, http/protobuf.
struct Exporter {
    sender: Mutex<Sender>,
    temporality: Temporality,
}

impl MetricExport for Exporter {
    fn export(&self, batch: &MetricBatch<'_>, within: Option<Duration>) -> Result<(), ExportError> {
        let request = metric_proto::request(batch).encode_to_vec();
        let answer = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(&request, within)?;
        report_partial_success(&answer);
        Ok(())
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        preferred_temporality(self.temporality, kind)
    }

    fn patience(&self) -> Duration {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).timeout()
    }
}

/// Says what the collector took only in part (OTLP, Partial Success). An answer that is no protobuf says nothing.
fn report_partial_success(answer: &[u8]) {
    let Ok(answer) = ExportMetricsServiceResponse::decode(answer) else { return };
    if let Some(partial) = answer.partial_success
        && (partial.rejected_data_points > 0 || !partial.error_message.is_empty())
    {
        let reason = environment::quoted(&partial.error_message);
        let message = format!("the collector rejected {} data points: {reason}", partial.rejected_data_points);
        diagnostics::report(Level::Warning, "export.metrics.partial", message);
    }
}
