//! One HTTP request at a time, blocking, bounded in time and in what it reads.

use std::cell::OnceCell;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use ureq::config::Config;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body, Proxy};

use super::config::{OtlpArguments, OtlpConfig};
use super::hand_over::{HandOver, HandedRequest};
use super::resolver::OneLookup;
use super::signal::Signal;
use super::tls::{self, TlsSettings};
use super::{answer, proxy, socket};
use crate::diagnostics::{self, Level};
use crate::environment;

/// What of a response body is read; the OTLP answer is far smaller.
const MAX_RESPONSE_BYTES: u64 = 64 * 1024;

/// The specification's form of a user agent, with the distribution before it (OTLP Exporter, User Agent).
const AGENT: &str = concat!("otel-rs/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust/0.33.1");

/// What every connection of an exporter has in common.
#[derive(Clone, Debug)]
pub(super) struct HttpSettings {
    config: Config,
    tls: TlsSettings,
}

/// What the collector answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long the collector asks to wait.
    pub(super) retry_after: Option<Duration>,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    /// Fit for the log.
    pub(super) message: String,
    /// Whether it may work later: the collector could not be reached, or did not answer.
    pub(super) retryable: bool,
    /// What to do about it.
    pub(super) advice: &'static str,
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
        if let Some(hand_over) = &self.config.hand_over {
            return self.hand_over(hand_over, body, encoding, timeout);
        }
        let agent = match &self.config.http {
            Ok(HttpSettings { config, tls }) => self
                .agent
                .get_or_init(|| Agent::with_parts(config.clone(), socket::connector(tls.clone()), OneLookup::new())),
            Err(message) => return Err(Failure { message: message.clone(), retryable: false, advice: "" }),
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

    /// Has the application's session send the body.
    fn hand_over(
        &self,
        hand_over: &HandOver,
        body: &[u8],
        encoding: Option<&str>,
        timeout: Duration,
    ) -> Result<Answer, Failure> {
        let own =
            [(CONTENT_TYPE, Some("application/x-protobuf")), (USER_AGENT, Some(AGENT)), (CONTENT_ENCODING, encoding)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?.as_bytes().to_vec())));
        let mut headers: Vec<_> = own.collect();
        for (name, value) in &self.config.headers {
            headers.retain(|(own, _)| own != name.as_str());
            headers.push((name.to_string(), value.as_bytes().to_vec()));
        }
        let request = HandedRequest { url: self.config.url.clone(), headers, body: body.to_vec(), timeout };
        const ADVICE: &str = "see the session that was given to the exporter";
        let failure = |message: String| Failure { message, retryable: true, advice: ADVICE };
        let answer = hand_over
            .post(request)
            .unwrap_or_else(|| Err("no answer in time".to_owned()))
            .map_err(|error| failure(answer::quote_text(&error, &self.config).unwrap_or_default()))?;
        let status = StatusCode::from_u16(answer.status)
            .map_err(|_| failure(format!("the session gave {} as the status of the answer", answer.status)))?;
        let retry_after = answer.retry_after.and_then(|value| delay(value.trim(), SystemTime::now()));
        Ok(Answer { status, retry_after, content_type: answer.content_type.to_ascii_lowercase(), body: answer.body })
    }
}

/// The settings of an exporter. They are read by a thread that is attached to the interpreter, as they come from the
/// environment.
pub(super) fn configure(signal: Signal, url: &str, arguments: &OtlpArguments) -> Result<HttpSettings, String> {
    if arguments.hand_over.is_some() {
        return Err("the requests are sent by a session".to_owned());
    }
    let endpoint = url.parse::<Uri>().ok();
    let proxy = endpoint.as_ref().and_then(proxy::resolve);
    let peers = [endpoint.as_ref(), proxy.as_ref().map(Proxy::uri)];
    // Parsing a bundle of certificates takes milliseconds, and is for nothing where nobody speaks TLS.
    let tls = match peers.into_iter().flatten().any(|peer| peer.scheme_str() == Some("https")) {
        true => TlsSettings::resolve(signal, arguments),
        false => Ok(TlsSettings::default()),
    };
    if let Err(message) = &tls {
        diagnostics::report(
            Level::Error,
            "export.tls",
            format!("{message}; nothing can be sent to {}", environment::redact_url(url)),
        );
    }
    let config = Agent::config_builder()
        .proxy(proxy)
        // A redirect could carry headers with secrets elsewhere; the Python exporter does not follow any either.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(1)
        .build();
    Ok(HttpSettings { config, tls: tls? })
}

fn answer(response: Response<Body>) -> Answer {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| delay(value.trim(), SystemTime::now()));
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    let mut body = Vec::new();
    // The status has the answer; a body that breaks off tells nothing.
    let _ = response.into_body().into_reader().take(MAX_RESPONSE_BYTES).read_to_end(&mut body);
    Answer { status, retry_after, content_type, body }
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
    let (message, advice) = match error {
        ureq::Error::Io(error) => (error.to_string(), io_advice(&error)),
        ureq::Error::Timeout(_) => {
            ("no answer in time".to_owned(), "check host, port and firewall, or raise OTEL_EXPORTER_OTLP_TIMEOUT")
        }
        // These may quote a URL, which may hold a secret.
        ureq::Error::BadUri(_) => ("the URL cannot be used".to_owned(), CHECK_ENDPOINT),
        ureq::Error::ConnectProxyFailed(_) => ("the proxy refused to connect".to_owned(), "see the log of the proxy"),
        ureq::Error::HostNotFound => ("the host has no address".to_owned(), CHECK_ENDPOINT),
        ureq::Error::Tls(error) => (error.to_owned(), CHECK_ENDPOINT),
        ureq::Error::Rustls(error) => (error.to_string(), tls::advice(&error)),
        ureq::Error::Protocol(error) => (error.to_string(), NO_HTTP),
        other => (other.to_string(), "see the collector's log"),
    };
    Failure { message, retryable, advice }
}

const CHECK_ENDPOINT: &str = "check the endpoint, e.g. in OTEL_EXPORTER_OTLP_ENDPOINT";
const NO_HTTP: &str = "does a collector take OTLP over HTTP there, usually at port 4318?";

fn io_advice(error: &io::Error) -> &'static str {
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref()) {
        return tls::advice(error);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "is a collector running there? Check the endpoint",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "check the network and the endpoint",
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData => NO_HTTP,
        _ => CHECK_ENDPOINT,
    }
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
