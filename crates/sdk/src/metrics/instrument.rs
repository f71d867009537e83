//! Synchronous instruments.

use std::sync::Arc;

use otel_rs_core::guard::{Swallow, guarded};
use otel_rs_core::log;
use otel_rs_pipeline::metrics::{self as pipeline, InstrumentSpec, Kind, Number, Numbers};
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::attributes;
use super::provider::Meter;
use crate::attributes::display;
use crate::lifecycle::{log_pending, recorded};

/// The native side of the synchronous instruments, which are subclasses that also derive from the API's classes.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", name = "NativeInstrument", frozen, subclass)]
pub struct Instrument {
    instrument: Arc<pipeline::Instrument>,
}

#[guarded]
#[pymethods]
impl Instrument {
    /// `kind` is `counter`, `up_down_counter`, `histogram` or `gauge`.
    #[new]
    #[pyo3(signature = (meter, kind, name, unit, description, boundaries=None))]
    fn new(
        meter: &Bound<'_, Meter>,
        kind: &str,
        name: String,
        unit: Option<String>,
        description: Option<&Bound<'_, PyAny>>,
        boundaries: Option<Vec<f64>>,
    ) -> PyResult<Self> {
        // As the Python SDK, which raises a bare `Exception` here.
        if !InstrumentSpec::is_valid_name(&name) {
            let message = format!("Expected ASCII string of maximum length 255 characters but got {name}");
            return Err(PyException::new_err(message));
        }
        let unit = unit.unwrap_or_default();
        if unit.len() > 63 || !unit.is_ascii() {
            let message = format!("Expected ASCII string of maximum length 63 characters but got {unit}");
            return Err(PyException::new_err(message));
        }
        let spec = InstrumentSpec {
            kind: self::kind(kind)?,
            numbers: Numbers::AsRecorded,
            name: name.into(),
            unit: unit.into(),
            description: description.map(display).unwrap_or_default().into(),
            boundaries,
        };
        let instrument = meter.get().meter.instrument(spec);
        log_pending(meter.py());
        Ok(Self { instrument })
    }

    /// Counters add `amount`.
    #[pyo3(signature = (amount, attributes=None, context=None))]
    fn add(
        &self,
        amount: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
    ) {
        // The context would choose exemplars, which the pipeline does not keep.
        let _ = context;
        self.measure(amount, attributes);
    }

    /// Histograms record `amount`.
    #[pyo3(signature = (amount, attributes=None, context=None))]
    fn record(
        &self,
        amount: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
    ) {
        let _ = context;
        self.measure(amount, attributes);
    }

    /// Gauges set `amount`.
    #[pyo3(signature = (amount, attributes=None, context=None))]
    fn set(
        &self,
        amount: &Bound<'_, PyAny>,
        attributes: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
    ) {
        let _ = context;
        self.measure(amount, attributes);
    }

    #[getter]
    fn name(&self) -> &str {
        &self.instrument.spec().name
    }

    #[getter]
    fn unit(&self) -> &str {
        &self.instrument.spec().unit
    }

    #[getter]
    fn description(&self) -> &str {
        &self.instrument.spec().description
    }
}

impl Instrument {
    fn measure(&self, amount: &Bound<'_, PyAny>, attributes: Option<&Bound<'_, PyAny>>) {
        let py = amount.py();
        match number(amount) {
            Some(amount) => self.instrument.record(amount, &attributes::from_python(attributes)),
            None => {
                let name = &self.instrument.spec().name;
                let message = format!("a value of the instrument {name:?} is no number; it is ignored");
                log::warning_once(py, "metrics.number", &message);
            }
        }
        recorded(py);
    }
}

fn number(amount: &Bound<'_, PyAny>) -> Option<Number> {
    if let Ok(amount) = amount.cast_exact::<PyFloat>() {
        return Some(Number::F64(amount.value()));
    }
    // Python's `bool` is an `int`, here too. An `int` beyond 64 bits is counted as a float.
    if amount.is_instance_of::<PyInt>()
        && let Ok(amount) = amount.extract::<i64>()
    {
        return Some(Number::I64(amount));
    }
    amount.extract::<f64>().swallow(amount.py()).map(Number::F64)
}

fn kind(kind: &str) -> PyResult<Kind> {
    match kind {
        "counter" => Ok(Kind::Counter),
        "up_down_counter" => Ok(Kind::UpDownCounter),
        "histogram" => Ok(Kind::Histogram),
        "gauge" => Ok(Kind::Gauge),
        _ => Err(PyValueError::new_err(format!("there is no instrument of the kind {kind:?}"))),
    }
}
