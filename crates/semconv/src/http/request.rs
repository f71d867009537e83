//! Attributes of a request.

use otel_rs_abi::{KeyValue, Value};

use super::attributes::{
    CLIENT_ADDRESS, CLIENT_PORT, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL, HTTP_ROUTE,
    NETWORK_PROTOCOL_VERSION, SERVER_ADDRESS, SERVER_PORT, URL_PATH, URL_QUERY, URL_SCHEME, USER_AGENT_ORIGINAL,
    USER_AGENT_SYNTHETIC_TYPE, old,
};
use super::user_agent::synthetic_type;
use super::{Method, ResponseStatus};
use crate::{Convention, Stability};

/// What a WSGI environ says about a request. An absent string and an empty one are the same, except where a field says
/// otherwise.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `REQUEST_METHOD`
    pub method: Method<'a>,
    /// `SERVER_NAME`. The old convention reports an absent one as `None` and an empty one as empty.
    pub server_name: Option<&'a str>,
    /// `wsgi.url_scheme`
    pub scheme: &'a str,
    /// `HTTP_HOST`, with its port if it has one.
    pub host: &'a str,
    /// `SERVER_PORT`. Zero is not reported.
    pub port: Option<i64>,
    /// `RAW_URI`, or `REQUEST_URI` where there is no `RAW_URI` (an empty one is there).
    pub target: &'a str,
    /// `PATH_INFO`, reported by the stable convention if there is a target.
    pub path: &'a str,
    /// `QUERY_STRING`, reported by the stable convention if there is a target.
    pub query: &'a str,
    /// The URL, made with [`RequestUri`](super::RequestUri) and [`redact_url`](super::redact_url). Only the old
    /// convention reports it, and only without a target: see [`Self::needs_url`].
    pub url: &'a str,
    /// `REMOTE_ADDR`
    pub remote_addr: &'a str,
    /// `REMOTE_PORT`. Zero is reported, unlike [`Self::port`]: leave out a number zero, which only an environ made by
    /// hand has.
    pub remote_port: Option<i64>,
    /// `REMOTE_HOST`
    pub remote_host: &'a str,
    /// `HTTP_USER_AGENT`
    pub user_agent: &'a str,
    /// `SERVER_PROTOCOL` without its `HTTP/`: see [`protocol_version`].
    pub protocol_version: &'a str,
}

/// `1.1` of `HTTP/1.1`; another protocol is left as it is.
pub fn protocol_version(server_protocol: &str) -> &str {
    match server_protocol.split_at_checked(5) {
        Some((prefix, version)) if prefix.eq_ignore_ascii_case("HTTP/") => version,
        _ => server_protocol,
    }
}

impl Request<'_> {
    /// Whether [`Self::url`] would be reported for a request with this target.
    pub const fn needs_url(stability: Stability, target: &str) -> bool {
        stability.reports_old() && target.is_empty()
    }

    /// Appends the attributes that a span starts with.
    pub fn span_attributes<'b>(&'b self, stability: Stability, out: &mut Vec<KeyValue<'b>>) {
        let mut out = Attributes { stability, out };
        if stability.reports_new() {
            out.push_text(HTTP_REQUEST_METHOD_ORIGINAL, self.method.original_if_different().unwrap_or_default());
        }
        out.push_both(old::HTTP_METHOD, HTTP_REQUEST_METHOD, self.method.normalized());
        out.push_old(old::HTTP_SERVER_NAME, self.server_name.map_or(Value::NULL, Value::from));
        out.push_both(old::HTTP_SCHEME, URL_SCHEME, self.scheme);
        if !self.host.is_empty() {
            out.push_both(old::NET_HOST_NAME, SERVER_ADDRESS, self.host);
            out.push_old(old::HTTP_HOST, self.host);
        }
        if let Some(port) = self.port.filter(|port| *port != 0) {
            out.push_both_numbers(old::NET_HOST_PORT, SERVER_PORT, port);
        }
        self.target_attributes(&mut out);
        self.peer_attributes(&mut out);
        out.push_both(old::HTTP_USER_AGENT, USER_AGENT_ORIGINAL, self.user_agent);
        out.push_text(USER_AGENT_SYNTHETIC_TYPE, synthetic_type(self.user_agent).unwrap_or_default());
        out.push_both(old::HTTP_FLAVOR, NETWORK_PROTOCOL_VERSION, self.protocol_version);
    }

    fn target_attributes<'b>(&'b self, out: &mut Attributes<'_, 'b>) {
        if !self.target.is_empty() {
            out.push_old(old::HTTP_TARGET, self.target);
            if out.stability.reports_new() {
                out.push_text(URL_PATH, self.path);
                out.push_text(URL_QUERY, self.query);
            }
        } else if !self.url.is_empty() {
            out.push_old(old::HTTP_URL, self.url);
        }
    }

    /// The stable convention has one key for the client's name and its address, in which the name wins.
    fn peer_attributes<'b>(&'b self, out: &mut Attributes<'_, 'b>) {
        let remote_host = if self.remote_host == self.remote_addr { "" } else { self.remote_host };
        let client_address = if remote_host.is_empty() { self.remote_addr } else { remote_host };
        if !self.remote_addr.is_empty() {
            out.push_old(old::NET_PEER_IP, self.remote_addr);
            out.push_new(CLIENT_ADDRESS, client_address);
        }
        if let Some(port) = self.remote_port {
            out.push_both_numbers(old::NET_PEER_PORT, CLIENT_PORT, port);
        }
        if !remote_host.is_empty() {
            out.push_old(old::NET_PEER_NAME, remote_host);
            if self.remote_addr.is_empty() {
                out.push_new(CLIENT_ADDRESS, client_address);
            }
        }
    }

    /// Appends the attributes of the active requests counter. One counter serves both conventions.
    pub fn active_request_attributes<'b>(&'b self, stability: Stability, out: &mut Vec<KeyValue<'b>>) {
        if stability.reports_old() {
            let mut out = Attributes { stability: Stability::Old, out };
            out.push_text(old::HTTP_METHOD, self.method.normalized());
            out.push_old(old::HTTP_SERVER_NAME, self.server_name.map_or(Value::NULL, Value::from));
            out.push_text(old::HTTP_SCHEME, self.scheme);
            out.push_text(old::HTTP_HOST, self.host);
            out.push_text(old::HTTP_FLAVOR, self.protocol_version);
        }
        if stability.reports_new() {
            let mut out = Attributes { stability: Stability::New, out };
            out.push_text(HTTP_REQUEST_METHOD, self.method.normalized());
            out.push_text(URL_SCHEME, self.scheme);
        }
    }

    /// Appends the attributes of one convention's duration histogram. There is no status if the response never
    /// started, and no route if none matched.
    pub fn duration_attributes<'b>(
        &'b self,
        convention: Convention,
        status: Option<&ResponseStatus<'b>>,
        route: Option<&'b str>,
        out: &mut Vec<KeyValue<'b>>,
    ) {
        match convention {
            Convention::Old => self.old_duration_attributes(status, route, out),
            Convention::New => self.new_duration_attributes(status, route, out),
        }
    }

    fn old_duration_attributes<'b>(
        &'b self,
        status: Option<&ResponseStatus<'b>>,
        route: Option<&'b str>,
        out: &mut Vec<KeyValue<'b>>,
    ) {
        let mut attributes = Attributes { stability: Stability::Old, out };
        attributes.push_text(old::HTTP_METHOD, self.method.normalized());
        attributes.push_old(old::HTTP_SERVER_NAME, self.server_name.map_or(Value::NULL, Value::from));
        attributes.push_text(old::HTTP_SCHEME, self.scheme);
        attributes.push_text(old::NET_HOST_NAME, self.host);
        attributes.push_text(old::HTTP_HOST, self.host);
        if let Some(port) = self.port.filter(|port| *port != 0) {
            attributes.push_old(old::NET_HOST_PORT, port);
        }
        attributes.push_text(old::HTTP_FLAVOR, self.protocol_version);
        if let Some(status) = status {
            status.span_attributes(Stability::Old, out);
        }
        // The route, although the key means the request's target: it is what the Python instrumentation reports.
        out.extend(route.map(|route| KeyValue::new(old::HTTP_TARGET, route)));
    }

    fn new_duration_attributes<'b>(
        &'b self,
        status: Option<&ResponseStatus<'b>>,
        route: Option<&'b str>,
        out: &mut Vec<KeyValue<'b>>,
    ) {
        let mut attributes = Attributes { stability: Stability::New, out };
        attributes.push_text(HTTP_REQUEST_METHOD, self.method.normalized());
        attributes.push_text(URL_SCHEME, self.scheme);
        attributes.push_text(NETWORK_PROTOCOL_VERSION, self.protocol_version);
        if let Some(status) = status {
            status.span_attributes(Stability::New, out);
        }
        out.extend(route.map(|route| KeyValue::new(HTTP_ROUTE, route)));
    }
}

/// Attributes under construction. An empty text is left out unless it is given as a [`Value`].
struct Attributes<'o, 'b> {
    stability: Stability,
    out: &'o mut Vec<KeyValue<'b>>,
}

impl<'b> Attributes<'_, 'b> {
    fn push_text(&mut self, key: &'static str, text: &'b str) {
        if !text.is_empty() {
            self.out.push(KeyValue::new(key, text));
        }
    }

    fn push_old(&mut self, key: &'static str, value: impl Into<Value<'b>>) {
        if self.stability.reports_old() {
            self.out.push(KeyValue::new(key, value));
        }
    }

    fn push_new(&mut self, key: &'static str, value: impl Into<Value<'b>>) {
        if self.stability.reports_new() {
            self.out.push(KeyValue::new(key, value));
        }
    }

    fn push_both(&mut self, old_key: &'static str, new_key: &'static str, text: &'b str) {
        if !text.is_empty() {
            self.push_old(old_key, text);
            self.push_new(new_key, text);
        }
    }

    fn push_both_numbers(&mut self, old_key: &'static str, new_key: &'static str, number: i64) {
        self.push_old(old_key, number);
        self.push_new(new_key, number);
    }
}

#[cfg(test)]
mod tests;
