//! Credentials in URLs become an `Authorization` header (RFC 7617), so that no log line can show them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

/// A URL without its user information, and the `Basic` credentials that stood there.
pub(super) fn split(url: &str) -> (String, Option<String>) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    let Some(at) = url[start..end].rfind('@').map(|at| start + at) else {
        return (url.to_owned(), None);
    };
    let (user, password) = url[start..at].split_once(':').unwrap_or((&url[start..at], ""));
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let header = format!("Basic {}", BASE64_STANDARD.encode(pair));
    (format!("{}{}", &url[..start], &url[at + 1..]), Some(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_becomes_basic_credentials() {
        let (url, header) = split("https://me:s%40cret@collector:4318/v1/traces?a=b@c");
        assert_eq!(url, "https://collector:4318/v1/traces?a=b@c");
        assert_eq!(header.as_deref(), Some("Basic bWU6c0BjcmV0"));
    }

    #[test]
    fn a_url_without_them_stays() {
        assert_eq!(split("http://host/a@b"), ("http://host/a@b".to_owned(), None));
    }
}
