//! Which proxy a request goes through: the variables, and their order, that Python's `requests` reads.

use std::env;
use std::net::Ipv4Addr;

use ureq::Proxy;
use ureq::http::Uri;

use crate::environment;

/// The proxy for an endpoint, from `http_proxy` or `https_proxy` by its scheme, else `all_proxy`, unless `no_proxy`
/// names its host. Names in lower case come before those in upper case.
pub(super) fn resolve(endpoint: &Uri) -> Option<Proxy> {
    let host = endpoint.host()?;
    let no_proxy = variable("no_proxy", "NO_PROXY").map(|(_, value)| value).unwrap_or_default();
    if bypasses(&no_proxy, host, endpoint.port_u16()) {
        return None;
    }
    let own = match endpoint.scheme_str() {
        Some("https") => variable("https_proxy", "HTTPS_PROXY"),
        // In a CGI process the client chooses `HTTP_PROXY`, by its header `Proxy` (CVE-2016-1000110).
        _ if env::var_os("REQUEST_METHOD").is_some() => variable("http_proxy", "http_proxy"),
        _ => variable("http_proxy", "HTTP_PROXY"),
    };
    let (name, value) = own.or_else(|| variable("all_proxy", "ALL_PROXY"))?;
    let proxy = Proxy::new(&value).ok().filter(|proxy| matches!(proxy.uri().scheme_str(), Some("http" | "https")));
    if proxy.is_none() {
        let value = environment::quoted(&environment::redact_url(&value));
        environment::report_invalid(name, &value, "an http:// or https:// URL", "no proxy");
    }
    proxy
}

fn variable(lower: &'static str, upper: &'static str) -> Option<(&'static str, String)> {
    environment::first_of(&[lower, upper])
}

fn bypasses(no_proxy: &str, host: &str, port: Option<u16>) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let with_port = port.map(|port| format!("{host}:{port}"));
    let entries = || no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    if no_proxy.trim() == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return entries().any(|entry| entry == host || in_network(address, entry));
    }
    entries().any(|entry| {
        let entry = entry.trim_start_matches('.').to_ascii_lowercase();
        let suffix = format!(".{entry}");
        let matches = |name: &str| name == entry || name.ends_with(&suffix);
        matches(&host) || with_port.as_deref().is_some_and(matches)
    })
}

fn in_network(address: Ipv4Addr, network: &str) -> bool {
    let Some((network, bits)) = network.split_once('/') else { return false };
    match (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) {
        (Ok(network), Ok(bits @ 1..=32)) => (u32::from(address) ^ u32::from(network)) >> (32 - bits) == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_domains_ports_and_networks() {
        for (no_proxy, host, port) in [
            ("*", "anything", None),
            ("localhost, collector", "collector", None),
            (".example.org", "a.example.org", None),
            ("example.org", "A.Example.org", None),
            ("collector:4318", "collector", Some(4318)),
            ("10.0.0.0/8", "10.1.2.3", None),
            ("127.0.0.1", "127.0.0.1", Some(4318)),
        ] {
            assert!(bypasses(no_proxy, host, port), "{no_proxy} {host}");
        }
        for (no_proxy, host, port) in [
            ("", "collector", None),
            ("example.org", "badexample.org", None),
            ("collector:1", "collector", Some(2)),
            ("10.0.0.0/8", "11.1.2.3", None),
            ("10.0.0.0/0", "11.1.2.3", None),
        ] {
            assert!(!bypasses(no_proxy, host, port), "{no_proxy} {host}");
        }
    }
}
