//! Hiding what must not leave the process in a URL.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use super::ALWAYS_SAFE;
use super::split::split;

/// Query parameters whose value is a signature.
const SECRET_PARAMETERS: [&str; 4] = ["AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature"];

/// What `urllib.parse.quote_plus` escapes; it leaves spaces to be replaced by `+`.
const QUOTE_PLUS: &AsciiSet = &ALWAYS_SAFE.remove(b' ');

/// Hides credentials and signatures in a URL. One that has neither comes back as it is, and so does one that is none.
pub fn redact_url(url: String) -> String {
    redact_query(redact_credentials(url))
}

fn redact_credentials(url: String) -> String {
    let redacted = split(&url).filter(|parts| !parts.scheme.is_empty()).and_then(|mut parts| {
        let (_, host) = parts.netloc.rsplit_once('@')?;
        parts.netloc = format!("REDACTED:REDACTED@{host}").into();
        Some(parts.join())
    });
    redacted.unwrap_or(url)
}

fn redact_query(url: String) -> String {
    let redacted = split(&url).and_then(|mut parts| {
        let has_secret = parameters(&parts.query).any(|(name, _)| is_secret(&name));
        if has_secret {
            parts.query = encode(&parts.query).into();
        }
        has_secret.then(|| parts.join())
    });
    redacted.unwrap_or(url)
}

fn is_secret(name: &str) -> bool {
    SECRET_PARAMETERS.contains(&name)
}

/// `urllib.parse.parse_qsl`: parameters without a value are left out.
fn parameters(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (!value.is_empty()).then(|| (unquote_plus(name), unquote_plus(value)))
    })
}

/// `urllib.parse.urlencode` over `parse_qs`: the values of one name move to its first place, a secret's become one.
fn encode(query: &str) -> String {
    let mut values_of: Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> = Vec::new();
    let mut index_of: HashMap<Cow<'_, str>, usize> = HashMap::new();
    for (name, value) in parameters(query) {
        let index = *index_of.entry(name).or_insert_with_key(|name| {
            values_of.push((name.clone(), Vec::new()));
            values_of.len() - 1
        });
        values_of[index].1.push(value);
    }
    let mut encoded = String::with_capacity(query.len());
    for (name, mut values) in values_of {
        if is_secret(&name) {
            values = vec!["REDACTED".into()];
        }
        for value in values {
            if !encoded.is_empty() {
                encoded.push('&');
            }
            encoded.push_str(&quote_plus(&name));
            encoded.push('=');
            encoded.push_str(&quote_plus(&value));
        }
    }
    encoded
}

fn unquote_plus(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return text.into();
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into()
}

fn quote_plus(text: &str) -> String {
    utf8_percent_encode(text, QUOTE_PLUS).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(url: &str) -> String {
        redact_url(url.to_owned())
    }

    #[test]
    fn a_url_without_secrets_is_left_alone() {
        for url in [
            "HTTP://localhost/?",
            "http://localhost/?sig=&Signature",
            "http://localhost/a;?SIG=1#",
            "//user:secret@localhost/",
            "http://user:secret@[localhost/",
            "http://user:secret@x\u{2100}/",
            "",
        ] {
            assert_eq!(redacted(url), url);
        }
    }

    #[test]
    fn credentials_are_hidden() {
        assert_eq!(redacted("HTTP://a:b@c@host:80/p;#"), "http://REDACTED:REDACTED@host:80/p");
        assert_eq!(redacted(" http://u@[fe80::1%eth0]/?a=b;\n"), "http://REDACTED:REDACTED@[fe80::1%eth0]/?a=b;");
    }

    #[test]
    fn signatures_are_hidden_and_the_query_written_anew() {
        assert_eq!(
            redacted("http://h/p;x?b=1&s%69g=a&a=%C3%A9+~/&sig=b&b=2&empty=&Signature=%"),
            "http://h/p;x?b=1&b=2&sig=REDACTED&a=%C3%A9+~%2F&Signature=REDACTED"
        );
    }
}
