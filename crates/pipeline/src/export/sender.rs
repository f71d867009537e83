//! Sending one encoded request, with the retries of the Python exporter: up to six attempts within the timeout, after
//! waits of 1, 2, 4… seconds (a fifth more or less) or as long as the collector asks (OTLP/HTTP, Retryable Response
//! Codes and Throttling).

use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use ureq::http::StatusCode;

use super::config::OtlpConfig;
use super::http_client::{Answer, Failure, HttpClient};

const MAX_ATTEMPTS: u32 = 6;
const JITTER: f64 = 0.2;
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

    /// Sends a request and gives the body of the answer. It takes no longer than the configured timeout. The error is a
    /// sentence for the log, which says where to and why.
    pub(super) fn send(&self, request: &[u8]) -> Result<Vec<u8>, String> {
        let failed =
            |why: &str| Err(format!("sending {} to {} failed: {why}", self.config.signal.noun(), self.config.url()));
        if request.len() > MAX_REQUEST_BYTES {
            return failed(&format!("the request has {} bytes, more than {MAX_REQUEST_BYTES}", request.len()));
        }
        let compressed = match self.config.compression.compress(request) {
            Ok(compressed) => compressed,
            Err(error) => return failed(&format!("compression: {error}")),
        };
        let body = compressed.as_deref().unwrap_or(request);
        let deadline = Instant::now() + self.config.timeout;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let outcome = self.attempt(body, deadline);
            let (wait, why) = match outcome {
                Ok(answer) if answer.status.is_success() => return Ok(answer.body),
                Ok(answer) => (wait_after(&answer, attempt), format!("HTTP {}", answer.status)),
                Err(failure) => (failure.retryable.then(|| backoff(attempt)), failure.message),
            };
            match wait {
                Some(wait) if attempt < MAX_ATTEMPTS && Instant::now() + wait < deadline => thread::sleep(wait),
                Some(_) => return failed(&format!("{why} ({attempt} attempts)")),
                None => return failed(&why),
            }
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

fn wait_after(answer: &Answer, attempt: u32) -> Option<Duration> {
    let retryable = matches!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    // A collector may ask for years; no timeout is that long, and the sum must not overflow.
    let asked = answer.retry_after.map(|wait| wait.min(Duration::from_secs(86_400)));
    retryable.then(|| asked.unwrap_or_else(|| backoff(attempt)))
}

fn backoff(attempt: u32) -> Duration {
    let seconds = f64::from(1_u32 << (attempt - 1).min(16));
    Duration::from_secs_f64(seconds * jitter())
}

fn jitter() -> f64 {
    SmallRng::try_from_os_rng().map_or(1.0, |mut random| random.random_range(1.0 - JITTER..1.0 + JITTER))
}

#[cfg(test)]
mod tests;
