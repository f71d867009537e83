//! The OTLP metric exporter.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_sdk::metrics::Temporality;
use prost::Message;

use super::config::OtlpConfig;
use super::metric_proto;
use super::sender::Sender;
use crate::diagnostics::{self, Level};
use crate::environment;
use crate::metrics::{MetricBatch, MetricExport, MetricExporterFactory};

/// Sends metrics by OTLP, http/protobuf.
pub struct OtlpMetricExporter {
    sender: Mutex<Sender>,
    temporality: Temporality,
}

impl OtlpMetricExporter {
    /// An exporter of that configuration. The connection is made by the first export.
    pub fn new(config: OtlpConfig, temporality: Temporality) -> Self {
        Self { sender: Mutex::new(Sender::new(config)), temporality }
    }

    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, by default cumulative (OpenTelemetry specification, OTLP
    /// Metrics Exporter).
    pub fn preferred_temporality() -> Temporality {
        let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        environment::parsed(
            variable,
            Temporality::Cumulative,
            "cumulative, delta or lowmemory",
            "cumulative",
            |value| value.parse().ok(),
        )
    }
}

/// What makes an [`OtlpMetricExporter`] in each process that needs one. No export takes longer than `timeout`.
pub fn otlp_metric_exporter(config: OtlpConfig, temporality: Temporality, timeout: Duration) -> MetricExporterFactory {
    let config = config.at_most(timeout);
    Arc::new(move || Box::new(OtlpMetricExporter::new(config.clone(), temporality)))
}

impl MetricExport for OtlpMetricExporter {
    fn export(&self, batch: &MetricBatch<'_>) -> Result<(), String> {
        let request = metric_proto::request(batch).encode_to_vec();
        let answer = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(&request)?;
        report_partial_success(&answer);
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
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
