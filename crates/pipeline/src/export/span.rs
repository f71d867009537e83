//! The OTLP span exporter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use super::config::OtlpConfig;
use super::sender::{SendError, Sender};
use super::span_proto;
use crate::diagnostics::{self, Level};
use crate::queue::{ExportError, Failure, Retry};
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
    /// A request that is too large is sent in halves, each in the time that is left.
    fn export(
        &mut self,
        spans: Vec<QueuedSpan>,
        resource: &Resource,
        within: Option<Duration>,
    ) -> Result<(), Failure<QueuedSpan>> {
        let deadline = Instant::now() + within.map_or(self.patience(), |within| within.min(self.patience()));
        let mut parts = vec![spans];
        let (mut delivered, mut lost) = (0, None);
        while let Some(part) = parts.pop() {
            let count = part.len();
            let request = span_proto::request(part, resource);
            let within = within.map(|_| deadline.saturating_duration_since(Instant::now()));
            let SendError { error: ExportError { message, retry }, is_too_large } =
                match self.sender.send(&request.body, within, count > 1) {
                    Ok(answer) => {
                        delivered += count;
                        self.report_partial_success(&answer);
                        continue;
                    }
                    Err(error) => error,
                };
            if is_too_large && count > 1 {
                let mut first = request.into_spans();
                parts.push(first.split_off(count / 2));
                parts.push(first);
            } else if retry.is_none() {
                lost = Some(message);
            } else {
                parts.push(request.into_spans());
                return Err(Failure { message, delivered, retry: again(parts, retry.flatten()) });
            }
            // Nobody waits for many halves.
            if !parts.is_empty() && Instant::now() >= deadline {
                let message = "a request that is too large takes many smaller ones".to_owned();
                return Err(Failure { message, delivered, retry: again(parts, None) });
            }
        }
        match lost {
            Some(message) => Err(Failure { message, delivered, retry: None }),
            None => Ok(()),
        }
    }

    fn patience(&self) -> Duration {
        self.sender.timeout()
    }
}

/// What was not sent, from a stack of parts.
fn again(parts: Vec<Vec<QueuedSpan>>, after: Option<Duration>) -> Option<Retry<QueuedSpan>> {
    Some(Retry { items: parts.into_iter().rev().flatten().collect(), after })
}

impl OtlpSpanExporter {
    /// Says what the collector took only in part (OTLP, Partial Success). An answer that is no protobuf says nothing.
    fn report_partial_success(&self, answer: &[u8]) {
        let Ok(answer) = ExportTraceServiceResponse::decode(answer) else { return };
        if let Some(partial) = answer.partial_success
            && (partial.rejected_spans > 0 || !partial.error_message.is_empty())
        {
            let reason = self.sender.quote(&partial.error_message);
            let message = format!("the collector rejected {} spans, which are lost: {reason}", partial.rejected_spans);
            diagnostics::report(Level::Warning, "export.traces.partial", message);
        }
    }
}
