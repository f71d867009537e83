//! The request method, kept to a set of bounded size.

use std::borrow::Cow;

use crate::python_strip;

/// RFC 9110, section 9; RFC 5789, section 2; and QUERY (RFC 10008).
const KNOWN: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

/// What an unknown method is reported as.
const OTHER: &str = "_OTHER";

/// A request method as the client sent it and as it is reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Method<'a> {
    original: &'a str,
    normalized: Cow<'a, str>,
}

impl<'a> Method<'a> {
    /// Reads `REQUEST_METHOD`. With `capture_all` (`OTEL_PYTHON_INSTRUMENTATION_HTTP_CAPTURE_ALL_METHODS`) an unknown
    /// method is reported as it is, in upper case.
    pub fn new(raw: &'a str, capture_all: bool) -> Self {
        // White space around a known method makes it an unknown one: the set is asked before stripping.
        let normalized = match sanitize(raw, capture_all) {
            Cow::Borrowed(method) => Cow::Borrowed(python_strip(method)),
            Cow::Owned(method) => Cow::Owned(python_strip(&method).to_owned()),
        };
        Self { original: python_strip(raw), normalized }
    }

    /// The method as reported.
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// The method as sent, if it is not the one reported and not empty.
    pub fn original_if_different(&self) -> Option<&'a str> {
        (self.original != self.normalized && !self.original.is_empty()).then_some(self.original)
    }
}

/// The method in upper case, or [`OTHER`].
fn sanitize(method: &str, capture_all: bool) -> Cow<'_, str> {
    // Nearly every request has one of these two, as they are.
    match method {
        "GET" => return Cow::Borrowed("GET"),
        "POST" => return Cow::Borrowed("POST"),
        _ => {}
    }
    if let Some(known) = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(method)) {
        return Cow::Borrowed(known);
    }
    if method.is_ascii() {
        return match capture_all {
            false => Cow::Borrowed(OTHER),
            true if method.bytes().any(|byte| byte.is_ascii_lowercase()) => Cow::Owned(method.to_ascii_uppercase()),
            true => Cow::Borrowed(method),
        };
    }
    let upper = method.to_uppercase();
    // A few letters outside ASCII have their capital inside it.
    match KNOWN.into_iter().find(|known| *known == upper) {
        Some(known) => Cow::Borrowed(known),
        None if capture_all => Cow::Owned(upper),
        None => Cow::Borrowed(OTHER),
    }
}

/// The method as span names show it.
pub(super) fn for_span_name(raw: &str, capture_all: bool) -> Cow<'_, str> {
    match sanitize(python_strip(raw), capture_all) {
        method if method == OTHER => Cow::Borrowed("HTTP"),
        method => method,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_method_is_other_and_keeps_its_original() {
        for (raw, capture_all, normalized, original) in [
            ("GET", false, "GET", None),
            ("get", false, "GET", Some("get")),
            ("QUERY", false, "QUERY", None),
            ("BREW", false, "_OTHER", Some("BREW")),
            ("BREW", true, "BREW", None),
            ("brew", true, "BREW", Some("brew")),
            (" GET ", false, "_OTHER", Some("GET")),
            (" get ", true, "GET", Some("get")),
            ("", false, "_OTHER", None),
            ("", true, "", None),
            ("OPTıONS", false, "OPTIONS", Some("OPTıONS")),
            ("straße", true, "STRASSE", Some("straße")),
            ("straße", false, "_OTHER", Some("straße")),
        ] {
            let method = Method::new(raw, capture_all);
            assert_eq!((method.normalized(), method.original_if_different()), (normalized, original), "{raw:?}");
        }
    }
}
