//! The periodic reader: when to collect, and what becomes of errors.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::export::{MetricBatch, MetricExport, MetricExporterFactory};
use super::number::DoubleInstruments;
use crate::diagnostics::{self, Level};
use crate::environment;
use crate::resource::Resource;

/// A reader that exports from time to time.
#[derive(Clone)]
pub struct ReaderConfig {
    /// Makes the exporter.
    pub exporter: MetricExporterFactory,
    /// Time between two exports.
    pub interval: Duration,
}

impl ReaderConfig {
    /// `OTEL_METRIC_EXPORT_INTERVAL`, by default a minute.
    pub fn default_interval() -> Duration {
        environment::millis("OTEL_METRIC_EXPORT_INTERVAL", Duration::from_secs(60))
    }

    /// `OTEL_METRIC_EXPORT_TIMEOUT`, by default 30 s.
    pub fn default_timeout() -> Duration {
        environment::millis("OTEL_METRIC_EXPORT_TIMEOUT", Duration::from_secs(30))
    }
}

/// Set once, when a reader has exported for the last time.
#[derive(Default)]
pub(super) struct Closed {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Closed {
    fn set(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits for it until the deadline.
    pub(super) fn wait_until(&self, deadline: Instant) -> bool {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deadline.saturating_duration_since(Instant::now());
        let outcome = self.changed.wait_timeout_while(closed, left, |closed| !*closed);
        *outcome.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An exporter as the SDK's reader takes it. Errors and panics become diagnostics: a panic would end the reader thread.
pub(super) struct ReportingExporter {
    pub(super) exporter: Box<dyn MetricExport>,
    pub(super) resource: Arc<Resource>,
    pub(super) doubles: Arc<DoubleInstruments>,
    pub(super) closed: Arc<Closed>,
}

impl PushMetricExporter for ReportingExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let batch = MetricBatch { metrics, resource: &self.resource, doubles: &self.doubles };
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.exporter.export(&batch)));
        let message = match outcome {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(message)) => message,
            Err(payload) => format!("internal error in a metric exporter: {}", panic_message(payload.as_ref())),
        };
        diagnostics::report(Level::Error, "export.metrics", message.clone());
        Err(OTelSdkError::InternalFailure(message))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.closed.set();
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
