//! Where a signal is sent (OpenTelemetry specification, OTLP Exporter, Endpoint URLs for OTLP/HTTP).

use ureq::http::Request;

use crate::diagnostics::{self, Level};
use crate::environment;
use crate::export::{Signal, credentials};

const DEFAULT: &str = "http://localhost:4318";
/// What a host without scheme and port listens on: the port of OTLP over HTTP, not that of the web.
const DEFAULT_PORT: &str = ":4318";
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
/// the signal's path, else localhost. One without a scheme is that host, with a line; one that cannot be used is reported
/// and answered with localhost.
pub(super) fn resolve(signal: Signal, argument: Option<&str>) -> Endpoint {
    let [own, general] = signal.variables().endpoint;
    let (name, configured, is_base) = if let Some(url) = argument {
        ("the argument endpoint", url.to_owned(), false)
    } else if let Some(url) = environment::text(own) {
        (own, url, false)
    } else if let Some(base) = environment::text(general) {
        (general, base, true)
    } else {
        return Endpoint { url: under(DEFAULT, signal), authorization: None };
    };
    let whole = |url: &str| if is_base { under(url, signal) } else { url.to_owned() };
    let completed = completed(&configured);
    let checked = check(&whole(completed.as_deref().unwrap_or(&configured)));
    if let Some(used) = completed.filter(|_| checked.is_some()) {
        let value = environment::quoted(&environment::redact_url(&configured));
        environment::report_invalid(name, &value, EXPECTED, &environment::redact_url(&used));
    }
    match checked {
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

/// The path of the signal under that of a URL, before its query. A fragment is never sent.
fn under(base: &str, signal: Signal) -> String {
    let base = base.trim();
    let base = base.split_once('#').map_or(base, |(base, _)| base);
    let (base, query) = base.split_at(base.find('?').unwrap_or(base.len()));
    format!("{}{}{query}", base.strip_suffix('/').unwrap_or(base), signal.path())
}

/// What a value without a scheme, or one in quotation marks, as files of variables keep them, stands for: a URL of that
/// host. Nothing if it is a URL already, or names no host.
fn completed(value: &str) -> Option<String> {
    let value = value.trim();
    let bare = value.trim_matches(['"', '\'']).trim();
    if bare.contains("://") {
        return (bare != value).then(|| bare.to_owned());
    }
    let (scheme, rest) = written_scheme(bare);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host_and_port = &authority[authority.rfind('@').map_or(0, |at| at + 1)..];
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    // A number alone is a port without a host; colons outside of brackets are an address whose end cannot be told.
    let unclear = host.is_empty()
        || host.bytes().all(|byte| byte.is_ascii_digit())
        || (host.contains(':') && !(host.starts_with('[') && host.ends_with(']')));
    if unclear {
        return None;
    }
    let scheme = scheme.unwrap_or(if port == Some("443") { "https" } else { "http" });
    let port = if port.is_none() { DEFAULT_PORT } else { "" };
    Some(format!("{scheme}://{authority}{port}{path}"))
}

/// The scheme of `http:/host`, `https//host` and the like, and what follows; `http:4318` is a host of that name.
fn written_scheme(value: &str) -> (Option<&'static str>, &str) {
    for scheme in ["https", "http"] {
        let Some(start) = value.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)) else {
            continue;
        };
        let rest = &value[start.len()..];
        let after_colon = rest.strip_prefix(':').unwrap_or(rest);
        let is_port = after_colon.starts_with(|first: char| first.is_ascii_digit());
        if after_colon.starts_with('/') && rest != after_colon || rest.starts_with("//") {
            return (Some(scheme), after_colon.trim_start_matches('/'));
        }
        if rest != after_colon && !is_port {
            return (Some(scheme), after_colon);
        }
    }
    // One slash alone begins a path.
    (None, value.strip_prefix("//").unwrap_or(value))
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
        for base in ["https://collector/otlp?token=a/b", "https://collector/otlp/?token=a/b#part"] {
            assert_eq!(under(base, Signal::Traces), "https://collector/otlp/v1/traces?token=a/b");
        }
        assert_eq!(under("http://collector:4318?x", Signal::Traces), "http://collector:4318/v1/traces?x");
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
    fn a_host_without_a_scheme_is_that_host() {
        for (value, url) in [
            ("collector:4318", "http://collector:4318"),
            ("//collector:4318", "http://collector:4318"),
            ("localhost:4318/otlp", "http://localhost:4318/otlp"),
            ("[::1]:4318", "http://[::1]:4318"),
            ("[::1]", "http://[::1]:4318"),
            ("10.0.0.7", "http://10.0.0.7:4318"),
            ("collector", "http://collector:4318"),
            ("otel_collector:4318", "http://otel_collector:4318"),
            ("collector/otlp", "http://collector:4318/otlp"),
            ("otlp.example.com:443", "https://otlp.example.com:443"),
            ("me:secret@collector:4318", "http://me:secret@collector:4318"),
            ("http:/collector:4318", "http://collector:4318"),
            ("https//collector", "https://collector:4318"),
            ("http:collector:4318", "http://collector:4318"),
            ("http:4318", "http://http:4318"),
            ("\"http://collector:4318\"", "http://collector:4318"),
            ("'collector:4318'\n", "http://collector:4318"),
        ] {
            assert_eq!(completed(value).as_deref(), Some(url), "{value}");
            assert!(check(url).is_some(), "{url}");
        }
    }

    #[test]
    fn what_names_no_host_stays_as_it_is() {
        for value in ["http://collector:4318", "ftp://host", "4318", ":4318", "::1", "/v1/traces", "://", "\"\""] {
            assert_eq!(completed(value), None, "{value}");
        }
        assert!(check(&completed("a host:4318").unwrap()).is_none());
        assert!(check(&completed("collector:port").unwrap()).is_none());
    }

    #[test]
    fn credentials_leave_the_url() {
        let (endpoint, port) = check("https://user:secret@[::1]:4317/v1/traces").unwrap();
        assert_eq!((endpoint.url.as_str(), port), ("https://[::1]:4317/v1/traces", Some(4317)));
        assert!(endpoint.authorization.is_some());
    }
}
