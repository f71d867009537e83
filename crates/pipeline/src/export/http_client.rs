//! One HTTP request at a time, blocking, bounded in time and in what it reads.

use std::cell::OnceCell;
use std::io::Read;
use std::time::{Duration, SystemTime};

use ureq::config::Config;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, Proxy};

use super::config::OtlpConfig;
use super::resolver::OneLookup;
use super::signal::Signal;
use super::{proxy, socket, tls};
use crate::diagnostics::{self, Level};
use crate::environment;

/// What of a response body is read; the OTLP answer is far smaller.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// The specification's form of a user agent, with the distribution before it (OTLP Exporter, User Agent).
const AGENT: &str = concat!("otel-rs/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust/0.33.1");

/// What the collector answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long the collector asks to wait.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// Fit for the log.
    pub(super) message: String,
    /// Whether it may work later: the collector could not be reached, or did not answer.
    pub(super) retryable: bool,
}

/// A client of one endpoint. Its connection is kept between requests.
pub(super) struct HttpClient {
    config: OtlpConfig,
    agent: OnceCell<Agent>,
}

impl HttpClient {
    /// No socket and no TLS yet: those come with the first request.
    pub(super) fn new(config: OtlpConfig) -> Self {
        Self { config, agent: OnceCell::new() }
    }

    /// Sends a body and waits at most `timeout` for the answer.
    pub(super) fn post(&self, body: &[u8], encoding: Option<&str>, timeout: Duration) -> Result<Answer, Failure> {
        let agent = match &self.config.http {
            Ok(config) => {
                self.agent.get_or_init(|| Agent::with_parts(config.clone(), socket::connector(), OneLookup::new()))
            }
            Err(message) => return Err(Failure { message: message.clone(), retryable: false }),
        };
        let mut request = agent
            .post(&self.config.url)
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, AGENT);
        if let Some(encoding) = encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        if let Some(headers) = request.headers_mut() {
            for (name, value) in &self.config.headers {
                headers.insert(name, value.clone());
            }
        }
        request.send(body).map(answer).map_err(failure)
    }
}

/// What every connection of a signal has in common. This is where `ureq` reads the environment, so it is done by a
/// thread that is attached to the interpreter.
pub(super) fn configure(signal: Signal, url: &str) -> Result<Config, String> {
    let endpoint = url.parse::<Uri>().ok();
    let proxy = endpoint.as_ref().and_then(proxy::resolve);
    let peers = [endpoint.as_ref(), proxy.as_ref().map(Proxy::uri)];
    // Parsing a bundle of certificates takes milliseconds, and is for nothing where nobody speaks TLS.
    let tls = match peers.into_iter().flatten().any(|peer| peer.scheme_str() == Some("https")) {
        true => tls::from_environment(signal),
        false => Ok(TlsConfig::default()),
    };
    if let Err(message) = &tls {
        diagnostics::report(
            Level::Error,
            "export.tls",
            format!("{message}; nothing can be sent to {}", environment::redact_url(url)),
        );
    }
    Ok(Agent::config_builder()
        .tls_config(tls?)
        .proxy(proxy)
        // A redirect could carry headers with secrets elsewhere; the Python exporter does not follow any either.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(1)
        .build())
}

fn answer(response: Response<Body>) -> Answer {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| delay(value.trim(), SystemTime::now()));
    let mut body = Vec::new();
    // The status has the answer; a body that breaks off tells nothing.
    let _ = response.into_body().into_reader().take(MAX_RESPONSE_BYTES).read_to_end(&mut body);
    Answer { status, retry_after, body }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn delay(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn failure(error: ureq::Error) -> Failure {
    let retryable = !matches!(
        error,
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl | ureq::Error::RequireHttpsOnly(_)
    );
    let message = match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        // These may quote a URL, which may hold a secret.
        ureq::Error::BadUri(_) => "the URL cannot be used".to_owned(),
        ureq::Error::ConnectProxyFailed(_) => "the proxy refused to connect".to_owned(),
        other => other.to_string(),
    };
    Failure { message, retryable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(delay("2.5", now), Some(Duration::from_millis(2500)));
        assert_eq!(delay("-1", now), Some(Duration::ZERO));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(delay("soon", now), None);
        assert_eq!(delay("inf", now), None);
    }
}
