//! The global response propagator (`opentelemetry.instrumentation.propagators`).

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::guard::guarded;
use crate::log::{self, Level};
use crate::module_global::ModuleGlobal;

/// Appends headers to a WSGI header list, as propagators ask a setter to.
#[guarded]
#[pyclass(frozen, module = "otel_rs")]
struct HeaderListSetter;

#[guarded]
#[pymethods]
impl HeaderListSetter {
    #[staticmethod]
    fn set(carrier: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        carrier.call_method1("append", ((key, value),)).map(drop)
    }
}

static PROPAGATOR: ModuleGlobal = ModuleGlobal::new(
    "opentelemetry.instrumentation.propagators",
    "get_global_response_propagator",
    "_RESPONSE_PROPAGATOR",
);

/// Lets the global response propagator, if there is one, put its headers on the very list that is passed on. What it
/// raises is logged once.
pub fn inject_response_headers(headers: &Bound<'_, PyAny>) {
    let py = headers.py();
    let inject = || -> PyResult<()> {
        let propagator = PROPAGATOR.get(py)?;
        if propagator.is_none() {
            return Ok(());
        }
        let options = PyDict::new(py);
        options.set_item("setter", Bound::new(py, HeaderListSetter)?)?;
        propagator.call_method("inject", (headers,), Some(&options))?;
        Ok(())
    };
    if let Err(error) = inject() {
        let message = "the global response propagator raised, the response goes on without its headers";
        log::raised_once(py, Level::Warning, "response propagator", &error, message);
    }
}
