//! Instruments of any provider, through the OpenTelemetry Python API.

use otel_rs_abi::{InstrumentKind, KeyValue};
use otel_rs_semconv::Instrument as Definition;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt};

use crate::attributes;
use crate::provider::Scope;

pub(super) struct ApiInstrument {
    /// `add` of a counter, `record` of a histogram.
    record: Py<PyAny>,
    integer: bool,
}

impl ApiInstrument {
    pub(super) fn new(provider: &Bound<'_, PyAny>, scope: Scope, definition: &'static Definition) -> PyResult<Self> {
        let py = provider.py();
        let get_meter = py.import("opentelemetry.metrics")?.getattr("get_meter")?;
        let meter = get_meter.call1((scope.name, scope.version, provider, scope.schema_url))?;
        let options = PyDict::new(py);
        options.set_item("name", definition.name)?;
        options.set_item("unit", definition.unit)?;
        options.set_item("description", definition.description)?;
        if !definition.boundaries.is_empty() {
            options.set_item("explicit_bucket_boundaries_advisory", definition.boundaries.to_vec())?;
        }
        let (factory, method) = match definition.kind {
            InstrumentKind::Counter => ("create_counter", "add"),
            InstrumentKind::UpDownCounter => ("create_up_down_counter", "add"),
            InstrumentKind::Histogram => ("create_histogram", "record"),
        };
        let instrument = meter.call_method(factory, (), Some(&options))?;
        Ok(Self { record: instrument.getattr(method)?.unbind(), integer: definition.integer })
    }

    pub(super) fn record(
        &self,
        py: Python<'_>,
        value: f64,
        attributes: &[KeyValue<'_>],
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        #[expect(clippy::cast_possible_truncation, reason = "an integer instrument is given whole numbers")]
        let value = match self.integer {
            true => PyInt::new(py, value as i64).into_any(),
            false => PyFloat::new(py, value).into_any(),
        };
        let attributes = attributes::to_dict(py, attributes)?;
        let record = self.record.bind(py);
        match context {
            None => record.call1((value, attributes))?,
            Some(context) => {
                let options = PyDict::new(py);
                options.set_item(intern!(py, "context"), context)?;
                record.call((value, attributes), Some(&options))?
            }
        };
        Ok(())
    }
}
