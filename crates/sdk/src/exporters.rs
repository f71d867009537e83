//! The OTLP exporters' Python faces. Their arguments are those of the stock exporters, in the same order, and win over
//! the environment.
//!
//! They are taken by `__init__`, not by `__new__`, so that a subclass can have arguments of its own and give others to
//! `super().__init__`. One that never calls it has what the environment says.

mod arguments;
mod preferences;
pub mod session;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::export::{OtlpConfig, OtlpMetricConfig, Signal, otlp_span_exporter};
use otel_rs_pipeline::metrics::console_metric_exporter;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use self::arguments::Arguments;
use crate::lifecycle::log_pending;
use crate::metrics::MetricExporter;
use crate::trace::SpanExporter;

/// Adds the exporters to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<OTLPSpanExporter>()?;
    module.add_class::<OTLPMetricExporter>()?;
    module.add_class::<session::NativeSession>()?;
    module.add_class::<ConsoleMetricExporter>()
}

/// Sends spans by OTLP, http/protobuf.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = SpanExporter, frozen, subclass)]
pub struct OTLPSpanExporter;

#[guarded]
#[pymethods]
impl OTLPSpanExporter {
    #[new]
    #[pyo3(signature = (*args, **kwargs), text_signature = "(endpoint=None, certificate_file=None, \
        client_key_file=None, client_certificate_file=None, headers=None, timeout=None, compression=None, session=None, *, \
        max_request_size=None, meter_provider=None)")]
    fn new(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Self> {
        let _ = (args, kwargs);
        let exporter =
            SpanExporter::new(|| otlp_span_exporter(OtlpConfig::resolve(Signal::Traces, &Default::default())));
        PyClassInitializer::from(exporter).add_subclass(Self)
    }

    /// `endpoint` is the whole URL, path included; the files are PEM files, of the certificates that are trusted and of
    /// the client's; `headers` maps names to values and adds to those of the environment; `timeout` is in seconds, for
    /// one attempt; `compression` is `"gzip"`, `"deflate"` or `"none"`, or an enumeration member of such a value;
    /// `max_request_size` is in bytes before compression, by default 64 MiB, without a limit if it is not above zero.
    /// What is not given is read from `OTEL_EXPORTER_OTLP_TRACES_*`, then `OTEL_EXPORTER_OTLP_*`.
    #[pyo3(signature = (
        endpoint=None, certificate_file=None, client_key_file=None, client_certificate_file=None, headers=None,
        timeout=None, compression=None, session=None, *, max_request_size=None, meter_provider=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "those of the stock exporter")]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        endpoint: Option<&Bound<'py, PyAny>>,
        certificate_file: Option<&Bound<'py, PyAny>>,
        client_key_file: Option<&Bound<'py, PyAny>>,
        client_certificate_file: Option<&Bound<'py, PyAny>>,
        headers: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        compression: Option<&Bound<'py, PyAny>>,
        session: Option<&Bound<'py, PyAny>>,
        max_request_size: Option<i64>,
        meter_provider: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let arguments = Arguments {
            endpoint,
            certificate_file,
            client_key_file,
            client_certificate_file,
            headers,
            timeout,
            compression,
            session,
            max_request_size,
            meter_provider,
        };
        let config = OtlpConfig::resolve(Signal::Traces, &arguments.extract(slf.py(), Signal::Traces)?);
        log_pending(slf.py());
        slf.as_super().get().set(otlp_span_exporter(config));
        Ok(())
    }
}

/// Sends metrics by OTLP, http/protobuf.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = MetricExporter, frozen, subclass)]
pub struct OTLPMetricExporter;

#[guarded]
#[pymethods]
impl OTLPMetricExporter {
    #[new]
    #[pyo3(signature = (*args, **kwargs), text_signature = "(endpoint=None, certificate_file=None, \
        client_key_file=None, client_certificate_file=None, headers=None, timeout=None, compression=None, session=None, \
        preferred_temporality=None, preferred_aggregation=None, max_export_batch_size=None, *, max_request_size=None, \
        meter_provider=None)")]
    fn new(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Self> {
        let _ = (args, kwargs);
        let exporter = MetricExporter::new(|timeout| {
            OtlpMetricConfig::resolve(&Default::default(), &Default::default()).exporter(timeout)
        });
        PyClassInitializer::from(exporter).add_subclass(Self)
    }

    /// As `OTLPSpanExporter`, from `OTEL_EXPORTER_OTLP_METRICS_*`, then `OTEL_EXPORTER_OTLP_*`. `preferred_temporality`
    /// and `preferred_aggregation` map classes of instruments (the stock SDK's, the API's or this package's) and win over
    /// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` and `…_DEFAULT_HISTOGRAM_AGGREGATION`; a request has at most
    /// `max_export_batch_size` data points.
    #[pyo3(signature = (
        endpoint=None, certificate_file=None, client_key_file=None, client_certificate_file=None, headers=None,
        timeout=None, compression=None, session=None, preferred_temporality=None, preferred_aggregation=None,
        max_export_batch_size=None, *, max_request_size=None, meter_provider=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "those of the stock exporter")]
    fn __init__<'py>(
        slf: &Bound<'py, Self>,
        endpoint: Option<&Bound<'py, PyAny>>,
        certificate_file: Option<&Bound<'py, PyAny>>,
        client_key_file: Option<&Bound<'py, PyAny>>,
        client_certificate_file: Option<&Bound<'py, PyAny>>,
        headers: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        compression: Option<&Bound<'py, PyAny>>,
        session: Option<&Bound<'py, PyAny>>,
        preferred_temporality: Option<&Bound<'py, PyAny>>,
        preferred_aggregation: Option<&Bound<'py, PyAny>>,
        max_export_batch_size: Option<i64>,
        max_request_size: Option<i64>,
        meter_provider: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let arguments = Arguments {
            endpoint,
            certificate_file,
            client_key_file,
            client_certificate_file,
            headers,
            timeout,
            compression,
            session,
            max_request_size,
            meter_provider,
        };
        let metric_arguments =
            preferences::extract(preferred_temporality, preferred_aggregation, max_export_batch_size)?;
        let config = OtlpMetricConfig::resolve(&arguments.extract(slf.py(), Signal::Metrics)?, &metric_arguments);
        log_pending(slf.py());
        slf.as_super().get().set(move |timeout| config.exporter(timeout));
        Ok(())
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
