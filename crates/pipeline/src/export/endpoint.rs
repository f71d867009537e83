//! Where a signal is sent (OpenTelemetry specification, OTLP Exporter, Endpoint URLs for OTLP/HTTP).

use ureq::http::Request;

use crate::diagnostics::{self, Level};
use crate::environment;
use crate::export::{Signal, credentials};

const DEFAULT: &str = "http://localhost:4318";
/// The port that collectors keep for gRPC.
const GRPC_PORT: u16 = 4317;
const EXPECTED: &str = "a URL like http://collector:4318";

/// A checked endpoint.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    /// An absolute http or https URL without credentials.
    pub(super) url: String,
    /// The `Authorization` header of the credentials that the configured URL had.
    pub(super) authorization: Option<String>,
}

/// The endpoint of a signal: the argument as it is, else the signal's variable as it is, else the general variable with
/// the signal's path, else localhost. One that cannot be used is reported and answered with localhost.
pub(super) fn resolve(signal: Signal, argument: Option<&str>) -> Endpoint {
    let [own, general] = signal.variables().endpoint;
    let (name, url, configured) = if let Some(url) = argument {
        ("the argument endpoint", url.to_owned(), url.to_owned())
    } else if let Some(url) = environment::text(own) {
        (own, url.clone(), url)
    } else if let Some(base) = environment::text(general) {
        (general, under(&base, signal), base)
    } else {
        return Endpoint { url: under(DEFAULT, signal), authorization: None };
    };
    match check(&url) {
        Some((endpoint, port)) => {
            if port == Some(GRPC_PORT) {
                warn_of_grpc_port(signal, name, &configured);
            }
            endpoint
        }
        None => {
            let used = under(DEFAULT, signal);
            let value = environment::quoted(&environment::redact_url(&configured));
            environment::report_invalid(name, &value, EXPECTED, &used);
            Endpoint { url: used, authorization: None }
        }
    }
}

fn under(base: &str, signal: Signal) -> String {
    let base = base.trim();
    format!("{}{}", base.strip_suffix('/').unwrap_or(base), signal.path())
}

/// The endpoint and its explicit port, if the URL is one to which an HTTP request can be sent.
fn check(url: &str) -> Option<(Endpoint, Option<u16>)> {
    let (url, authorization) = credentials::split(url.trim());
    let request = Request::post(&url).body(()).ok()?;
    let uri = request.uri();
    let authority = uri.authority()?;
    let port = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let port = match port {
        Some((_, port)) => Some(port.parse::<u16>().ok().filter(|port| *port != 0)?),
        None => None,
    };
    let usable = matches!(uri.scheme_str(), Some("http" | "https")) && !authority.host().is_empty();
    usable.then_some((Endpoint { url, authorization }, port))
}

fn warn_of_grpc_port(signal: Signal, name: &str, configured: &str) {
    if environment::first_of(&signal.variables().protocol).is_none() {
        let url = environment::redact_url(configured);
        let message = format!(
            "{name} is {url:?}, but port 4317 is where collectors take gRPC; expected the port for HTTP, usually 4318; \
             sending http/protobuf there all the same (set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf to confirm)"
        );
        diagnostics::report(Level::Warning, "export.grpc_port", message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_general_endpoint_gets_the_path_of_the_signal() {
        for base in ["http://collector:4318", "http://collector:4318/"] {
            assert_eq!(under(base, Signal::Traces), "http://collector:4318/v1/traces");
        }
        assert_eq!(under("http://collector/otlp/", Signal::Metrics), "http://collector/otlp/v1/metrics");
    }

    #[test]
    fn urls_that_no_request_can_go_to_are_refused() {
        let malformed =
            ["localhost:4318", "ftp://host", "http://", "http:///v1", "http://host:port", "http://a b", "://"];
        for url in malformed {
            assert!(check(url).is_none(), "{url}");
        }
        assert!(check("http://host:99999/").is_none());
    }

    #[test]
    fn credentials_leave_the_url() {
        let (endpoint, port) = check("https://user:secret@[::1]:4317/v1/traces").unwrap();
        assert_eq!((endpoint.url.as_str(), port), ("https://[::1]:4317/v1/traces", Some(4317)));
        assert!(endpoint.authorization.is_some());
    }
}
