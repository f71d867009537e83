//! Metric exporters and readers as Python objects: recipes, from which a provider makes the real ones when it needs
//! them.

use std::sync::OnceLock;
use std::time::Duration;

use otel_rs_core::guard::guarded;
use otel_rs_pipeline::metrics::{MetricExporterFactory, ReaderConfig};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::lifecycle::log_pending;

/// Longest interval, in seconds: a year. `math.inf` asks for no periodic export, which this is in effect.
const MAX_INTERVAL: f64 = 31_536_000.0;

/// Base of the native metric exporters. Not to be made by users.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeMetricExporter", frozen, subclass)]
pub struct MetricExporter {
    factory: OnceLock<Box<dyn Fn(Duration) -> MetricExporterFactory + Send + Sync>>,
    default: fn(Duration) -> MetricExporterFactory,
}

impl MetricExporter {
    /// The base of an exporter, which `default` makes unless [another way is set](Self::set). It is told how long an
    /// export may take.
    pub fn new(default: fn(Duration) -> MetricExporterFactory) -> Self {
        Self { factory: OnceLock::new(), default }
    }

    /// Sets what makes the exporter. Only the first time counts.
    pub fn set(&self, factory: impl Fn(Duration) -> MetricExporterFactory + Send + Sync + 'static) {
        let _ = self.factory.set(Box::new(factory));
    }

    fn factory(&self, timeout: Duration) -> MetricExporterFactory {
        match self.factory.get() {
            Some(factory) => factory(timeout),
            None => (self.default)(timeout),
        }
    }
}

/// Exports from time to time, on a thread of its own that starts with the first record.
#[guarded]
#[pyclass(module = "otel_rs_sdk", frozen, subclass)]
pub struct PeriodicExportingMetricReader {
    pub(super) config: ReaderConfig,
}

#[guarded]
#[pymethods]
impl PeriodicExportingMetricReader {
    /// `exporter` is a metric exporter of this package. `export_interval_millis` (milliseconds; `math.inf` for no
    /// periodic export) wins over `OTEL_METRIC_EXPORT_INTERVAL`, `export_timeout_millis` (milliseconds, the most that
    /// one export may take) over `OTEL_METRIC_EXPORT_TIMEOUT`.
    #[new]
    #[pyo3(signature = (exporter, export_interval_millis=None, export_timeout_millis=None))]
    fn new(
        exporter: &Bound<'_, PyAny>,
        export_interval_millis: Option<f64>,
        export_timeout_millis: Option<f64>,
    ) -> PyResult<Self> {
        let Ok(native) = exporter.cast::<MetricExporter>() else {
            return Err(PyTypeError::new_err(format!(
                "exporter must be a metric exporter of otel_rs_sdk; one written in Python ({}) is not supported yet",
                exporter.get_type()
            )));
        };
        // The native ones have no `export`. A subclass that has one may withhold what the native one would send.
        if exporter.hasattr("export")? {
            return Err(PyTypeError::new_err(format!(
                "the `export` of {} would not be called: the reader's thread never runs Python code",
                exporter.get_type()
            )));
        }
        let interval = match export_interval_millis {
            Some(millis) => positive("export_interval_millis", millis)?,
            None => ReaderConfig::default_interval(),
        };
        let timeout = match export_timeout_millis {
            Some(millis) => positive("export_timeout_millis", millis)?,
            None => ReaderConfig::default_timeout(),
        };
        log_pending(exporter.py());
        Ok(Self { config: ReaderConfig { exporter: native.get().factory(timeout), interval } })
    }
}

fn positive(name: &str, millis: f64) -> PyResult<Duration> {
    let seconds = millis / 1e3;
    if seconds > 0.0 {
        Ok(Duration::from_secs_f64(seconds.min(MAX_INTERVAL)))
    } else {
        Err(PyValueError::new_err(format!("{name} is {millis}; it must be larger than zero")))
    }
}
