//! The OTLP span exporter.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::config::OtlpConfig;
use super::sender::Sender;
use super::span_proto;
use crate::diagnostics::{self, Level};
use crate::environment;
use crate::queue::{Failure, Retry};
use crate::resource::Resource;
use crate::trace::{QueuedSpan, SpanExport, SpanExporterFactory};

/// Sends spans by OTLP, http/protobuf.
pub struct OtlpSpanExporter {
    sender: Sender,
}

impl OtlpSpanExporter {
    /// An exporter of that configuration. The connection is made by the first export.
    pub fn new(config: OtlpConfig) -> Self {
        Self { sender: Sender::new(config) }
    }
}

/// What makes an [`OtlpSpanExporter`] in each process that needs one.
pub fn otlp_span_exporter(config: OtlpConfig) -> SpanExporterFactory {
    Arc::new(move || Ok(Box::new(OtlpSpanExporter::new(config.clone()))))
}

impl SpanExport for OtlpSpanExporter {
    fn export(
        &mut self,
        spans: Vec<QueuedSpan>,
        resource: &Resource,
        within: Option<Duration>,
    ) -> Result<(), Failure<QueuedSpan>> {
        let request = span_proto::request(spans, resource);
        match self.sender.send(&request.body, within) {
            Ok(answer) => {
                report_partial_success(&answer);
                Ok(())
            }
            Err(error) => {
                let retry = error.retry.map(|after| Retry { items: request.into_spans(), after });
                Err(Failure { message: error.message, retry })
            }
        }
    }

    fn patience(&self) -> Duration {
        self.sender.timeout()
    }
}

/// Says what the collector took only in part (OTLP, Partial Success). An answer that is no protobuf says nothing.
fn report_partial_success(answer: &[u8]) {
    let Ok(answer) = ExportTraceServiceResponse::decode(answer) else { return };
    if let Some(partial) = answer.partial_success
        && (partial.rejected_spans > 0 || !partial.error_message.is_empty())
    {
        let reason = environment::quoted(&partial.error_message);
        let message = format!("the collector rejected {} spans: {reason}", partial.rejected_spans);
        diagnostics::report(Level::Warning, "export.traces.partial", message);
    }
}
