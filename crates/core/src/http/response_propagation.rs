//! The global response propagator (`opentelemetry.instrumentation.propagators`).

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::log;

/// Appends headers to a WSGI header list, as propagators ask a setter to.
#[pyclass(frozen, module = "otel_rs")]
struct HeaderListSetter;

#[pymethods]
impl HeaderListSetter {
    #[staticmethod]
    fn set(carrier: &Bound<'_, PyAny>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        carrier.call_method1("append", ((key, value),)).map(drop)
    }
}

/// Where the global response propagator is found.
enum Propagator {
    /// In the namespace of the API's module, without a call on every response.
    InModule(Py<PyDict>),
    /// By the public function, where the module is not as expected.
    ByGetter(Py<PyAny>),
}

impl Propagator {
    fn probe(py: Python<'_>) -> PyResult<Self> {
        let module = py.import("opentelemetry.instrumentation.propagators")?;
        let getter = module.getattr("get_global_response_propagator")?;
        let namespace = module.dict();
        match namespace.get_item(intern!(py, "_RESPONSE_PROPAGATOR"))? {
            Some(value) if value.is(&getter.call0()?) => Ok(Self::InModule(namespace.unbind())),
            _ => Ok(Self::ByGetter(getter.unbind())),
        }
    }

    fn get<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let propagator = match self {
            Self::InModule(namespace) => namespace.bind(py).get_item(intern!(py, "_RESPONSE_PROPAGATOR"))?,
            Self::ByGetter(getter) => Some(getter.bind(py).call0()?),
        };
        Ok(propagator.filter(|propagator| !propagator.is_none()))
    }
}

/// Lets the global response propagator, if there is one, put its headers on the very list that is passed on. What it
/// raises is logged once.
pub fn inject_response_headers(headers: &Bound<'_, PyAny>) {
    static PROPAGATOR: PyOnceLock<Propagator> = PyOnceLock::new();
    let py = headers.py();
    let inject = || -> PyResult<()> {
        let Some(propagator) = PROPAGATOR.get_or_try_init(py, || Propagator::probe(py))?.get(py)? else {
            return Ok(());
        };
        let options = PyDict::new(py);
        options.set_item("setter", Bound::new(py, HeaderListSetter)?)?;
        propagator.call_method("inject", (headers,), Some(&options))?;
        Ok(())
    };
    if let Err(error) = inject() {
        log::warning_once(
            py,
            "response propagator",
            &format!("the global response propagator raised, the response goes on without its headers: {error}"),
        );
    }
}
