//! Sending one encoded request, in one attempt. When to try again is for the caller to say, who also knows of flushes and
//! of the end of the process.

use std::cell::Cell;
use std::time::{Duration, Instant};

use ureq::http::StatusCode;

use super::answer;
use super::config::OtlpConfig;
use super::http_client::{Answer, Failure, HttpClient};
use crate::diagnostics::{self, Level};
use crate::queue::ExportError;

/// After so long without an answer a line says that one is waited for: a first failure is told within three seconds.
const SLOW: Duration = Duration::from_millis(2_500);

/// Sends the requests of one exporter.
pub(super) struct Sender {
    client: HttpClient,
    config: OtlpConfig,
    /// Bytes of the smallest request that was too large for the collector.
    too_large: Cell<usize>,
    /// The last attempt failed or took long: a line was logged, or none is needed.
    has_told: Cell<bool>,
}

/// Why a request did not arrive.
#[derive(Debug)]
pub(super) struct SendError {
    pub(super) error: ExportError,
    /// Smaller requests may arrive.
    pub(super) is_too_large: bool,
}

impl Sender {
    pub(super) fn new(config: OtlpConfig) -> Self {
        Self {
            client: HttpClient::new(config.clone()),
            config,
            too_large: Cell::new(usize::MAX),
            has_told: Cell::new(false),
        }
    }

    /// How long one attempt may take.
    pub(super) fn timeout(&self) -> Duration {
        self.config.timeout
    }

    /// Text of the collector's, fit for the log.
    pub(super) fn quote(&self, text: &str) -> String {
        answer::quote_text(text, &self.config).unwrap_or_else(|| "no reason given".to_owned())
    }

    /// Sends a request and gives the body of the answer. It takes no longer than the configured timeout, and no longer
    /// than `within`. A request that can be `split` is not sent if one of its size was too large before.
    pub(super) fn send(&self, request: &[u8], within: Option<Duration>, split: bool) -> Result<Vec<u8>, SendError> {
        let most = self.config.max_request_size;
        let bytes = request.len();
        if bytes > most {
            let why = format!("the request has {bytes} bytes, more than max_request_size, which is {most}");
            return Err(SendError { error: self.failed(&why, "", None), is_too_large: true });
        }
        if split && bytes >= self.too_large.get() {
            let why = format!("the collector takes no request of {bytes} bytes");
            return Err(SendError { error: self.failed(&why, "", None), is_too_large: true });
        }
        let outcome = self.post(request, within);
        if let Err(SendError { is_too_large: true, error }) = &outcome {
            self.too_large.set(bytes.min(self.too_large.get()));
            if split {
                let message = format!("{}; what is in it is sent in smaller requests", error.message);
                diagnostics::report_about(Level::Warning, "export.too_large", &self.config.url(), message);
            }
        }
        outcome
    }

    fn post(&self, request: &[u8], within: Option<Duration>) -> Result<Vec<u8>, SendError> {
        let compressed = match self.config.compression.compress(request) {
            Ok(compressed) => compressed,
            Err(error) => return Err(self.failed(&format!("compression: {error}"), "", None).into()),
        };
        let body = compressed.as_deref().unwrap_or(request);
        let timeout = within.map_or(self.config.timeout, |within| within.min(self.config.timeout));
        let begin = Instant::now();
        let outcome = {
            let _line = (timeout > SLOW && !self.has_told.get()).then(|| self.say_if_slow(timeout));
            self.attempt(body, begin + timeout)
        };
        let is_good = outcome.as_ref().is_ok_and(|answer| answer.status.is_success());
        self.has_told.set(!is_good || begin.elapsed() >= SLOW);
        match outcome {
            Ok(answer) if is_good => Ok(answer.body),
            Ok(answer) => Err(self.refused(&answer)),
            Err(failure) => {
                let retry = failure.retryable.then_some(None);
                Err(self.failed(&failure.message, failure.advice, retry).into())
            }
        }
    }

    /// Says after a while that there is no answer yet, unless what is returned is dropped before.
    fn say_if_slow(&self, timeout: Duration) -> diagnostics::Deferred {
        let (noun, url) = (self.config.signal.noun(), self.config.url());
        let message = format!(
            "no answer from {url}, where {noun} are sent to, for {:.1} s; waiting up to {:.1} s; if none comes, check host, \
             port and firewall",
            SLOW.as_secs_f64(),
            timeout.as_secs_f64()
        );
        diagnostics::report_later(SLOW, Level::Warning, "export.slow", &url, message)
    }

    fn refused(&self, answer: &Answer) -> SendError {
        let said = answer::quote(&answer.content_type, &answer.body, &self.config);
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        let retry = is_retryable(answer.status).then_some(answer.retry_after);
        let error = self.failed(&format!("HTTP {}{said}", answer.status), advice(answer.status), retry);
        SendError { error, is_too_large: answer.status == StatusCode::PAYLOAD_TOO_LARGE }
    }

    fn failed(&self, why: &str, advice: &str, retry: Option<Option<Duration>>) -> ExportError {
        let (noun, url) = (self.config.signal.noun(), self.config.url());
        let end = if advice.is_empty() { String::new() } else { format!(" ({advice})") };
        ExportError { message: format!("sending {noun} to {url} failed: {why}{end}"), retry }
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

/// What to do about a refusal.
fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "check the credentials, e.g. in OTEL_EXPORTER_OTLP_HEADERS",
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => "check the path of the endpoint",
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => "check the credentials in the URL of the proxy",
        StatusCode::PAYLOAD_TOO_LARGE => "raise the collector's limit, or lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        status if status.is_redirection() => "redirects are not followed; name the URL itself as the endpoint",
        status if is_retryable(status) => "see what the collector is short of",
        _ => "see the collector's log",
    }
}

impl From<ExportError> for SendError {
    fn from(error: ExportError) -> Self {
        Self { error, is_too_large: false }
    }
}

#[cfg(test)]
mod tests;
