//! The configuration of one exporter, read from its arguments and the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::header::AUTHORIZATION;

use super::endpoint::{self, Endpoint};
use super::headers::{self, Headers};
use super::http_client::{self, HttpSettings};
use super::{Compression, HandOver, Signal};
use crate::environment;

/// As in the Python exporter (64 MiB).
const DEFAULT_MAX_REQUEST_SIZE: i64 = 64 * 1024 * 1024;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// What the program gives; it wins over the environment.
#[derive(Clone, Default)]
pub struct OtlpArguments {
    /// The whole URL, path included.
    pub endpoint: Option<String>,
    /// A PEM file of the certificates that are trusted.
    pub certificate_file: Option<PathBuf>,
    /// A PEM file of the client's private key.
    pub client_key_file: Option<PathBuf>,
    /// A PEM file of the client's certificate, with its private key if that has no file of its own.
    pub client_certificate_file: Option<PathBuf>,
    /// Headers, added to those of the environment.
    pub headers: Option<Vec<(String, String)>>,
    /// How long one export may take, retries included.
    pub timeout: Option<Duration>,
    /// Compression of request bodies.
    pub compression: Option<Compression>,
    /// Bytes of the largest request, before compression; no limit if it is not above zero.
    pub max_request_size: Option<i64>,
    /// Who sends the requests, if it is not the exporter. The files are then no concern of the exporter's.
    pub hand_over: Option<Arc<HandOver>>,
}

/// A checked configuration. It holds nothing that a fork could break, so exporters can be made from it in any process.
#[derive(Clone)]
pub struct OtlpConfig {
    pub(super) signal: Signal,
    pub(super) url: String,
    pub(super) headers: Headers,
    pub(super) timeout: Duration,
    pub(super) compression: Compression,
    /// Bytes of the largest request, before compression.
    pub(super) max_request_size: usize,
    pub(super) hand_over: Option<Arc<HandOver>>,
    /// Or why no connection can be made.
    pub(super) http: Result<HttpSettings, String>,
}

impl OtlpConfig {
    /// Reads the configuration of a signal, on a thread that is attached to the interpreter. Values that cannot be used
    /// are reported, one line each, and answered with the default.
    pub fn resolve(signal: Signal, arguments: &OtlpArguments) -> Self {
        check_protocol(signal);
        let Endpoint { url, authorization } = endpoint::resolve(signal, arguments.endpoint.as_deref());
        let mut headers = headers::resolve(signal, arguments.headers.as_deref());
        if let Some(credentials) = authorization
            && !headers.iter().any(|(name, _)| *name == AUTHORIZATION)
            && let Some((name, value)) = headers::header(AUTHORIZATION.as_str(), &credentials)
        {
            headers::set(&mut headers, name, value);
        }
        Self {
            signal,
            headers,
            timeout: arguments.timeout.unwrap_or_else(|| timeout(signal)),
            compression: arguments.compression.unwrap_or_else(|| Compression::from_environment(signal)),
            max_request_size: match arguments.max_request_size.unwrap_or(DEFAULT_MAX_REQUEST_SIZE) {
                size if size > 0 => usize::try_from(size).unwrap_or(usize::MAX),
                _ => usize::MAX,
            },
            hand_over: arguments.hand_over.clone(),
            http: http_client::configure(signal, &url, arguments),
            url,
        }
    }

    /// The same, with exports that take no longer than `timeout`.
    #[must_use]
    pub fn at_most(mut self, timeout: Duration) -> Self {
        self.timeout = self.timeout.min(timeout);
        self
    }

    /// Where the telemetry goes, without credentials.
    pub fn url(&self) -> String {
        environment::redact_url(&self.url)
    }
}

impl fmt::Debug for OtlpConfig {
    /// Without the headers, which may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OtlpConfig")
            .field("url", &self.url())
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

fn check_protocol(signal: Signal) {
    const SUPPORTED: &str = "http/protobuf";
    if let Some((variable, value)) = environment::first_of(&signal.variables().protocol)
        && value.trim() != SUPPORTED
    {
        let expected = "http/protobuf, the one protocol of the native SDK";
        environment::report_invalid(variable, &environment::quoted(&value), expected, SUPPORTED);
    }
}

/// The Python SDK counts this variable in seconds, fractions allowed, where the specification has milliseconds.
fn timeout(signal: Signal) -> Duration {
    let Some((variable, value)) = environment::first_of(&signal.variables().timeout) else { return DEFAULT_TIMEOUT };
    environment::positive(value.trim(), 1.0).unwrap_or_else(|| {
        environment::report_invalid(variable, &environment::quoted(&value), "a number of seconds above 0", "10 s");
        DEFAULT_TIMEOUT
    })
}
