//! What both OTLP exporters take.

use std::path::PathBuf;
use std::time::Duration;

use otel_rs_pipeline::export::{Compression, OtlpArguments, Signal};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::session;

/// The arguments as Python gives them. `None` and what is empty is not given.
pub(super) struct Arguments<'a, 'py> {
    pub(super) endpoint: Option<&'a Bound<'py, PyAny>>,
    pub(super) certificate_file: Option<&'a Bound<'py, PyAny>>,
    pub(super) client_key_file: Option<&'a Bound<'py, PyAny>>,
    pub(super) client_certificate_file: Option<&'a Bound<'py, PyAny>>,
    pub(super) headers: Option<&'a Bound<'py, PyAny>>,
    pub(super) timeout: Option<&'a Bound<'py, PyAny>>,
    pub(super) compression: Option<&'a Bound<'py, PyAny>>,
    pub(super) session: Option<&'a Bound<'py, PyAny>>,
    pub(super) max_request_size: Option<i64>,
    /// Where the exporter's own metrics go; there are none, as in the stock exporter unless a variable asks for them.
    pub(super) meter_provider: Option<&'a Bound<'py, PyAny>>,
}

impl<'py> Arguments<'_, 'py> {
    /// # Errors
    ///
    /// `TypeError` or `ValueError` for what cannot be meant.
    pub(super) fn extract(&self, py: Python<'py>, signal: Signal) -> PyResult<OtlpArguments> {
        let _ = self.meter_provider;
        Ok(OtlpArguments {
            endpoint: self
                .endpoint
                .map(|endpoint| text("endpoint", endpoint))
                .transpose()?
                .filter(|text| !text.is_empty()),
            certificate_file: file("certificate_file", self.certificate_file)?,
            client_key_file: file("client_key_file", self.client_key_file)?,
            client_certificate_file: file("client_certificate_file", self.client_certificate_file)?,
            headers: self.headers.map(pairs).transpose()?,
            timeout: self.timeout.map(seconds).transpose()?,
            compression: self.compression.map(algorithm).transpose()?,
            max_request_size: self.max_request_size,
            hand_over: self.post(py, signal)?.map(session::hand_over),
        })
    }

    /// What posts with the session, if there is one.
    fn post(&self, py: Python<'py>, signal: Signal) -> PyResult<Option<Bound<'py, PyAny>>> {
        let names_provider = |name: &std::ffi::OsString| name.to_string_lossy().ends_with("_CREDENTIAL_PROVIDER");
        if self.session.is_none() && !std::env::vars_os().any(|(name, _)| names_provider(&name)) {
            return Ok(None);
        }
        let signal = match signal {
            Signal::Traces => "TRACES",
            Signal::Metrics => "METRICS",
        };
        let arguments =
            (self.session, signal, self.certificate_file, self.client_key_file, self.client_certificate_file);
        let post = py.import("otel_rs_sdk._sessions")?.getattr("post_of")?.call1(arguments)?;
        Ok((!post.is_none()).then_some(post))
    }
}

fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    value.extract().map_err(|_| PyTypeError::new_err(format!("{name} must be a string")))
}

/// A path, of a kind that `open` takes; an empty one is none.
fn file(name: &str, path: Option<&Bound<'_, PyAny>>) -> PyResult<Option<PathBuf>> {
    let Some(path) = path else { return Ok(None) };
    let path: PathBuf = path.extract().map_err(|_| PyTypeError::new_err(format!("{name} must be a path")))?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

fn pairs(headers: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let not_a_mapping = |_| PyTypeError::new_err("headers must map strings to strings");
    let items = headers.call_method0("items").map_err(not_a_mapping)?;
    items.try_iter()?.map(|item| item?.extract().map_err(not_a_mapping)).collect()
}

fn seconds(timeout: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let seconds: f64 =
        timeout.extract().map_err(|_| PyTypeError::new_err("timeout must be a number of seconds above 0"))?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .map(|timeout| timeout.min(Duration::from_secs(86_400)))
        .ok_or_else(|| PyValueError::new_err(format!("timeout is {seconds}; it must be a number of seconds above 0")))
}

/// The algorithm of a name, or of an enumeration member whose value is one (the stock exporter's `Compression.Gzip`).
fn algorithm(compression: &Bound<'_, PyAny>) -> PyResult<Compression> {
    let name = match compression.getattr("value") {
        Ok(value) => value.extract::<String>(),
        Err(_) => compression.extract::<String>(),
    };
    name.ok().as_deref().and_then(Compression::from_name).ok_or_else(|| {
        PyValueError::new_err(format!("compression is {compression}; it must be \"gzip\", \"deflate\" or \"none\""))
    })
}
