//! The exporters' Python faces. Their arguments win over the environment.

use std::time::Duration;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::export::{Compression, OtlpArguments, OtlpConfig, OtlpMetricConfig, Signal, otlp_span_exporter};
use otel_rs_pipeline::metrics::console_metric_exporter;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::lifecycle::log_pending;
use crate::metrics::MetricExporter;
use crate::trace::SpanExporter;

/// Adds the exporters to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<OTLPSpanExporter>()?;
    module.add_class::<OTLPMetricExporter>()?;
    module.add_class::<ConsoleMetricExporter>()
}

/// Sends spans by OTLP, http/protobuf.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = SpanExporter, frozen, subclass)]
pub struct OTLPSpanExporter;

#[guarded]
#[pymethods]
impl OTLPSpanExporter {
    /// `endpoint` is the whole URL, path included; `headers` maps names to values and adds to those of the environment;
    /// `timeout` is in seconds, for one export with its retries; `compression` is `"gzip"`, `"deflate"` or `"none"`, or
    /// an enumeration member of such a value. What is not given is read from `OTEL_EXPORTER_OTLP_TRACES_*`, then
    /// `OTEL_EXPORTER_OTLP_*`.
    #[new]
    #[pyo3(signature = (endpoint=None, headers=None, timeout=None, compression=None))]
    fn new(
        py: Python<'_>,
        endpoint: Option<String>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        compression: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let config = OtlpConfig::resolve(Signal::Traces, &arguments(endpoint, headers, timeout, compression)?);
        log_pending(py);
        Ok(PyClassInitializer::from(SpanExporter::new(otlp_span_exporter(config))).add_subclass(Self))
    }
}

/// Sends metrics by OTLP, http/protobuf.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = MetricExporter, frozen, subclass)]
pub struct OTLPMetricExporter;

#[guarded]
#[pymethods]
impl OTLPMetricExporter {
    /// As `OTLPSpanExporter`, from `OTEL_EXPORTER_OTLP_METRICS_*`, then `OTEL_EXPORTER_OTLP_*`. The temporality is that
    /// of `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
    #[new]
    #[pyo3(signature = (endpoint=None, headers=None, timeout=None, compression=None))]
    fn new(
        py: Python<'_>,
        endpoint: Option<String>,
        headers: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        compression: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let config = OtlpMetricConfig::resolve(&arguments(endpoint, headers, timeout, compression)?);
        log_pending(py);
        Ok(PyClassInitializer::from(MetricExporter::new(move |timeout| config.exporter(timeout))).add_subclass(Self))
    }
}

/// Prints metrics to standard output as the stock `ConsoleMetricExporter` does.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = MetricExporter, frozen, subclass)]
pub struct ConsoleMetricExporter;

#[guarded]
#[pymethods]
impl ConsoleMetricExporter {
    #[new]
    fn new() -> PyClassInitializer<Self> {
        PyClassInitializer::from(MetricExporter::new(|_| console_metric_exporter())).add_subclass(Self)
    }
}

fn arguments(
    endpoint: Option<String>,
    headers: Option<&Bound<'_, PyAny>>,
    timeout: Option<f64>,
    compression: Option<&Bound<'_, PyAny>>,
) -> PyResult<OtlpArguments> {
    Ok(OtlpArguments {
        endpoint: endpoint.filter(|endpoint| !endpoint.is_empty()),
        headers: headers.filter(|headers| !headers.is_none()).map(pairs).transpose()?,
        timeout: timeout.map(seconds).transpose()?,
        compression: compression.filter(|name| !name.is_none()).map(algorithm).transpose()?,
    })
}

fn pairs(headers: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let not_a_mapping = |_| PyTypeError::new_err("headers must map strings to strings");
    let items = headers.call_method0("items").map_err(not_a_mapping)?;
    items.try_iter()?.map(|item| item?.extract().map_err(not_a_mapping)).collect()
}

fn seconds(timeout: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(timeout)
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .map(|timeout| timeout.min(Duration::from_secs(86_400)))
        .ok_or_else(|| PyValueError::new_err(format!("timeout is {timeout}; it must be a number of seconds above 0")))
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
