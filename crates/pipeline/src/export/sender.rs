//! Sending one encoded request, in one attempt. When to try again is for the caller to say, who also knows of flushes and
//! of the end of the process.

use std::time::{Duration, Instant};

use ureq::http::StatusCode;

use super::config::OtlpConfig;
use super::http_client::{Answer, Failure, HttpClient};
use crate::queue::ExportError;

/// Largest request, before compression (OTLP Exporter, default of the Python exporter).
const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// Sends the requests of one exporter.
pub(super) struct Sender {
    client: HttpClient,
    config: OtlpConfig,
}

impl Sender {
    pub(super) fn new(config: OtlpConfig) -> Self {
        Self { client: HttpClient::new(config.clone()), config }
    }

    /// How long one attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Sends a request and gives the body of the answer. It takes no longer than the configured timeout, and no longer
    /// than `within`.
    pub(super) fn send(&self, request: &[u8], within: Option<Duration>) -> Result<Vec<u8>, ExportError> {
        let failed = |why: &str, retry: Option<Option<Duration>>| {
            let message = format!("sending {} to {} failed: {why}", self.config.signal.noun(), self.config.url());
            Err(ExportError { message, retry })
        };
        if request.len() > MAX_REQUEST_BYTES {
            return failed(&format!("the request has {} bytes, more than {MAX_REQUEST_BYTES}", request.len()), None);
        }
        let compressed = match self.config.compression.compress(request) {
            Ok(compressed) => compressed,
            Err(error) => return failed(&format!("compression: {error}"), None),
        };
        let body = compressed.as_deref().unwrap_or(request);
        let timeout = within.map_or(self.config.timeout, |within| within.min(self.config.timeout));
        match self.attempt(body, Instant::now() + timeout) {
            Ok(answer) if answer.status.is_success() => Ok(answer.body),
            Ok(answer) => {
                let retry = is_retryable(answer.status).then_some(answer.retry_after);
                failed(&format!("HTTP {}", answer.status), retry)
            }
            Err(failure) => failed(&failure.message, failure.retryable.then_some(None)),
        }
    }

    /// One attempt, and at once another if the connection broke: one that was kept may have been closed meanwhile.
    fn attempt(&self, body: &[u8], deadline: Instant) -> Result<Answer, Failure> {
        let encoding = self.config.compression.content_encoding();
        let post = || {
            let remaining = deadline.saturating_duration_since(Instant::now());
            self.client.post(body, encoding, remaining.max(Duration::from_millis(1)))
        };
        match post() {
            Err(failure) if failure.retryable && Instant::now() < deadline => post(),
            outcome => outcome,
        }
    }
}

/// The specification's codes (OTLP/HTTP, Retryable Response Codes), and with the Python exporter the one that says that a
/// request took too long.
fn is_retryable(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

#[cfg(test)]
mod tests;
