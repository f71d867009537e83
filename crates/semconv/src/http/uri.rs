//! The URL of a request, for the attribute `http.url`, by the rules of Python's `wsgiref.util` and `urllib.parse`.

mod redact;
mod split;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

pub use redact::redact_url;

/// What `urllib.parse.quote` escapes, before the characters that a caller calls safe.
const ALWAYS_SAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');
const SCRIPT_NAME: &AsciiSet = &ALWAYS_SAFE.remove(b'/');
const PATH: &AsciiSet = &SCRIPT_NAME.remove(b';').remove(b'=').remove(b',');

/// The parts of a WSGI environ that make a URL (PEP 3333, URL Reconstruction).
#[derive(Clone, Copy, Debug)]
pub struct RequestUri<'a> {
    /// `wsgi.url_scheme`
    pub scheme: &'a str,
    /// `HTTP_HOST`; empty if absent.
    pub host: &'a str,
    /// `SERVER_NAME`
    pub server_name: Option<&'a str>,
    /// `SERVER_PORT`
    pub server_port: Option<&'a str>,
    /// `SCRIPT_NAME`; empty if absent.
    pub script_name: &'a str,
    /// `PATH_INFO`; empty if absent.
    pub path: &'a str,
    /// `QUERY_STRING`; empty if absent.
    pub query: &'a str,
}

impl RequestUri<'_> {
    /// `wsgiref.util.request_uri`. Nothing where that raises: without a host and a server name or port, or for a path
    /// that is not latin-1.
    pub fn build(&self) -> Option<String> {
        let mut url = format!("{}://", self.scheme);
        if self.host.is_empty() {
            let (name, port) = (self.server_name?, self.server_port?);
            url.push_str(name);
            if port != if self.scheme == "https" { "443" } else { "80" } {
                url.push(':');
                url.push_str(port);
            }
        } else {
            url.push_str(self.host);
        }
        if self.script_name.is_empty() {
            url.push('/');
            // The path's own slash, or whatever comes first once it is quoted.
            url.push_str(quote(self.path, PATH)?.get(1..).unwrap_or_default());
        } else {
            url.push_str(&quote(self.script_name, SCRIPT_NAME)?);
            url.push_str(&quote(self.path, PATH)?);
        }
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(self.query);
        }
        Some(url)
    }
}

/// `urllib.parse.quote` with the encoding latin-1; nothing for other text.
fn quote(text: &str, escaped: &'static AsciiSet) -> Option<String> {
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<_>>()?;
    Some(percent_encode(&bytes, escaped).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: RequestUri<'static> = RequestUri {
        scheme: "http",
        host: "",
        server_name: Some("localhost"),
        server_port: Some("80"),
        script_name: "",
        path: "/",
        query: "",
    };

    #[test]
    fn the_host_header_wins_over_the_server() {
        let uri = RequestUri { host: "example.org:81", server_name: None, server_port: None, ..REQUEST };
        assert_eq!(uri.build().as_deref(), Some("http://example.org:81/"));
    }

    #[test]
    fn the_default_port_of_the_scheme_is_left_out() {
        let port = |scheme, port| RequestUri { scheme, server_port: Some(port), ..REQUEST }.build();
        assert_eq!(port("http", "80").as_deref(), Some("http://localhost/"));
        assert_eq!(port("http", "443").as_deref(), Some("http://localhost:443/"));
        assert_eq!(port("https", "443").as_deref(), Some("https://localhost/"));
        assert_eq!(RequestUri { server_port: None, ..REQUEST }.build(), None);
    }

    #[test]
    fn the_path_is_quoted_as_latin_1_and_the_query_is_not() {
        let uri = RequestUri { script_name: "/a;b", path: "/c;d=e,f/\u{e9} ~", query: "q=\u{e9} ", ..REQUEST };
        assert_eq!(uri.build().as_deref(), Some("http://localhost/a%3Bb/c;d=e,f/%E9%20~?q=\u{e9} "));
        assert_eq!(RequestUri { path: "/\u{20ac}", ..REQUEST }.build(), None);
        assert_eq!(RequestUri { path: "*", ..REQUEST }.build().as_deref(), Some("http://localhost/2A"));
        assert_eq!(RequestUri { path: "", ..REQUEST }.build().as_deref(), Some("http://localhost/"));
    }
}
