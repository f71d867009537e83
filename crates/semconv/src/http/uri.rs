//! The URL of a request, for the attribute `http.url`.

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
        None
    }
}

/// Hides credentials and signatures in a URL.
pub fn redact_url(url: String) -> String {
    url
}
