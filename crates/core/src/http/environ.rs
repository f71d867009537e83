//! The facts of a request, read once from its WSGI environ.
//!
//! The strings are kept with the environ's own string objects: the application may change the environ, and the
//! duration is recorded after it did.

use otel_rs_semconv::http::{Method, Request, RequestUri, protocol_version, redact_url};
use otel_rs_semconv::{Stability, python_int};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyString};

use crate::guard::Swallow;
use crate::text::Text;

/// What an environ said when it was read.
#[derive(Debug)]
pub struct EnvironFacts {
    method: Option<Text>,
    capture_all: bool,
    server_name: Option<Text>,
    scheme: Option<Text>,
    host: Option<Text>,
    port: Option<i64>,
    target: Option<Text>,
    path: Option<Text>,
    query: Option<Text>,
    url: String,
    remote_addr: Option<Text>,
    remote_port: Option<i64>,
    remote_host: Option<Text>,
    user_agent: Option<Text>,
    protocol: Option<Text>,
}

impl EnvironFacts {
    /// Reads an environ. A value that is missing or not what PEP 3333 says is left out; nothing is raised for it.
    ///
    /// # Errors
    ///
    /// What a key in the environ raises when compared, which keys of type `str` never do.
    pub fn read(environ: &Bound<'_, PyDict>, stability: Stability, capture_all: bool) -> PyResult<Self> {
        let py = environ.py();
        let target = match text(environ, intern!(py, "RAW_URI"))? {
            Some(target) => Some(target),
            None => text(environ, intern!(py, "REQUEST_URI"))?,
        };
        let port = environ.get_item(intern!(py, "SERVER_PORT"))?;
        let mut facts = Self {
            method: text(environ, intern!(py, "REQUEST_METHOD"))?,
            capture_all,
            server_name: text(environ, intern!(py, "SERVER_NAME"))?,
            scheme: text(environ, intern!(py, "wsgi.url_scheme"))?,
            host: text(environ, intern!(py, "HTTP_HOST"))?,
            port: port.as_ref().and_then(number),
            target,
            path: text(environ, intern!(py, "PATH_INFO"))?,
            query: text(environ, intern!(py, "QUERY_STRING"))?,
            url: String::new(),
            remote_addr: text(environ, intern!(py, "REMOTE_ADDR"))?,
            remote_port: peer_port(environ.get_item(intern!(py, "REMOTE_PORT"))?),
            remote_host: text(environ, intern!(py, "REMOTE_HOST"))?,
            user_agent: user_agent(environ.get_item(intern!(py, "HTTP_USER_AGENT"))?),
            protocol: text(environ, intern!(py, "SERVER_PROTOCOL"))?,
        };
        if Request::needs_url(stability, str(&facts.target)) {
            let port = port.as_ref().and_then(Text::from_any);
            let script_name = text(environ, intern!(py, "SCRIPT_NAME"))?;
            facts.url = facts.request_uri(port.as_ref().map(Text::as_str), str(&script_name)).unwrap_or_default();
        }
        Ok(facts)
    }

    /// The facts as the semantic conventions take them.
    pub fn request(&self) -> Request<'_> {
        Request {
            method: Method::new(self.method(), self.capture_all),
            server_name: self.server_name.as_ref().map(Text::as_str),
            scheme: str(&self.scheme),
            host: str(&self.host),
            port: self.port,
            target: str(&self.target),
            path: self.path(),
            query: str(&self.query),
            url: &self.url,
            remote_addr: str(&self.remote_addr),
            remote_port: self.remote_port,
            remote_host: str(&self.remote_host),
            user_agent: str(&self.user_agent),
            protocol_version: protocol_version(str(&self.protocol)),
        }
    }

    /// `REQUEST_METHOD` as the client sent it.
    pub fn method(&self) -> &str {
        str(&self.method)
    }

    /// `PATH_INFO`
    pub fn path(&self) -> &str {
        str(&self.path)
    }

    fn request_uri(&self, server_port: Option<&str>, script_name: &str) -> Option<String> {
        let uri = RequestUri {
            scheme: str(&self.scheme),
            host: str(&self.host),
            server_name: self.server_name.as_ref().map(Text::as_str),
            server_port,
            script_name,
            path: self.path(),
            query: str(&self.query),
        };
        uri.build().map(redact_url)
    }
}

fn str(text: &Option<Text>) -> &str {
    text.as_ref().map_or("", Text::as_str)
}

fn text(environ: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<Option<Text>> {
    let value = environ.get_item(key)?;
    Ok(value.filter(|value| !value.is_none()).and_then(|value| Text::from_any(&value)))
}

/// `int(value)` where that gives one that fits an attribute.
fn number(value: &Bound<'_, PyAny>) -> Option<i64> {
    match value.cast::<PyString>() {
        Ok(text) => python_int(&text.to_string_lossy()),
        Err(_) => value.cast::<PyInt>().ok()?.extract().swallow(value.py()),
    }
}

/// A number zero counts as absent, a string zero does not.
fn peer_port(value: Option<Bound<'_, PyAny>>) -> Option<i64> {
    value.filter(|value| value.is_truthy().swallow(value.py()).unwrap_or(false)).as_ref().and_then(number)
}

/// Some servers give header values as bytes.
fn user_agent(value: Option<Bound<'_, PyAny>>) -> Option<Text> {
    let value = value.filter(|value| !value.is_none())?;
    match value.cast::<PyBytes>() {
        Err(_) => Text::from_any(&value),
        Ok(bytes) => {
            let text: String = bytes.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            Some(Text::new(&PyString::new(value.py(), &text)))
        }
    }
}
