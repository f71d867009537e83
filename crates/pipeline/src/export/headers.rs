//! Request headers from the environment: `name=value` pairs separated by commas, the values percent-encoded
//! (OpenTelemetry specification, OTLP Exporter, Specifying headers via environment variables). Values that are not
//! encoded but hold spaces are taken as they are, as the Python SDK does. Values are secrets: no line shows one.

use percent_encoding::percent_decode_str;
use ureq::http::{HeaderName, HeaderValue};

use crate::environment;
use crate::export::Signal;

/// Checked headers, names in lower case, one value each.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// The headers of the signal's variable (else of the general one), then the given ones, which win.
pub(super) fn resolve(signal: Signal, arguments: Option<&[(String, String)]>) -> Headers {
    let mut headers = Headers::new();
    if let Some((variable, value)) = environment::first_of(&signal.variables().headers) {
        let mut invalid = Vec::new();
        for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match parse(item) {
                Some((name, value)) => set(&mut headers, name, value),
                None => invalid.push(name_of(item)),
            }
        }
        report_invalid(variable, &invalid);
    }
    let mut invalid = Vec::new();
    for (name, value) in arguments.unwrap_or_default() {
        match header(&name.to_ascii_lowercase(), value) {
            Some((name, value)) => set(&mut headers, name, value),
            None => invalid.push(name.clone()),
        }
    }
    report_invalid("the argument headers", &invalid);
    headers
}

/// Sets a header, replacing one of the same name.
pub(super) fn set(headers: &mut Headers, name: HeaderName, value: HeaderValue) {
    match headers.iter_mut().find(|(present, _)| *present == name) {
        Some((_, present)) => *present = value,
        None => headers.push((name, value)),
    }
}

/// A header, unless HTTP cannot carry it. The value is marked as sensitive.
pub(super) fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let mut value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

fn parse(item: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = item.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let printable = |byte: u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\');
    if value.bytes().all(printable) {
        let name = percent_decode_str(name).decode_utf8_lossy().trim().to_ascii_lowercase();
        header(&name, percent_decode_str(value).decode_utf8_lossy().trim())
    } else if value.bytes().all(|byte| byte == b' ' || printable(byte)) {
        header(&name.to_ascii_lowercase(), value)
    } else {
        None
    }
}

/// What of an invalid item may be shown: its name, if it has one.
fn name_of(item: &str) -> String {
    item.split_once('=').map_or_else(|| "(no name)".to_owned(), |(name, _)| name.trim().to_owned())
}

fn report_invalid(source: &'static str, names: &[String]) {
    if !names.is_empty() {
        let value = format!("not usable for {}", environment::quoted(&names.join(", ")));
        let expected = "name=value pairs separated by commas, the values percent-encoded";
        environment::report_invalid(source, &value, expected, "the other headers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(item: &str) -> Option<(String, String)> {
        parse(item).map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
    }

    #[test]
    fn values_are_percent_decoded_and_may_hold_equal_signs() {
        assert_eq!(parsed("Api-Key = a%20b=="), Some(("api-key".to_owned(), "a b==".to_owned())));
    }

    #[test]
    fn a_value_with_spaces_is_taken_as_it_is() {
        let expected = Some(("authorization".to_owned(), "Bearer a%20b".to_owned()));
        assert_eq!(parsed("Authorization=Bearer a%20b"), expected);
    }

    #[test]
    fn what_http_cannot_carry_is_refused() {
        for item in ["novalue", "=x", "key=a\"b", "key=a%0d%0ab", "k y=v"] {
            assert_eq!(parsed(item), None, "{item}");
        }
    }

    #[test]
    fn a_line_shows_the_name_alone() {
        assert_eq!(name_of("key=s\"cret"), "key");
        assert_eq!(name_of("s\"cret"), "(no name)");
    }
}
