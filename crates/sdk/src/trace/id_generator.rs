//! Where a provider's ids come from.

use otel_rs_core::guard::{self, Swallow, guarded};
use otel_rs_core::log;
use otel_rs_pipeline::trace::{random_span_id, random_trace_id};
use pyo3::prelude::*;

/// The native generator or one of the user's.
pub enum IdGenerator {
    /// Random ids that no forked child repeats.
    Random,
    /// A Python object with `generate_trace_id`, `generate_span_id` and perhaps `is_trace_id_random`.
    Python(Py<PyAny>),
}

impl IdGenerator {
    /// The same generator.
    pub fn copy(&self, py: Python<'_>) -> Self {
        match self {
            Self::Random => Self::Random,
            Self::Python(generator) => Self::Python(generator.clone_ref(py)),
        }
    }

    /// A trace id. If the user's generator raises, that is logged once and the id is a random one.
    pub fn trace_id(&self, py: Python<'_>) -> [u8; 16] {
        match self {
            Self::Random => random_trace_id(),
            Self::Python(generator) => ask::<u128>(py, generator, "generate_trace_id")
                .filter(|id| *id != 0)
                .map_or_else(random_trace_id, u128::to_be_bytes),
        }
    }

    /// A span id, likewise.
    pub fn span_id(&self, py: Python<'_>) -> [u8; 8] {
        match self {
            Self::Random => random_span_id(),
            Self::Python(generator) => ask::<u64>(py, generator, "generate_span_id")
                .filter(|id| *id != 0)
                .map_or_else(random_span_id, u64::to_be_bytes),
        }
    }

    /// Whether the 56 low bits of its trace ids are random.
    pub fn is_random(&self, py: Python<'_>) -> bool {
        match self {
            Self::Random => true,
            Self::Python(generator)
                if generator.bind(py).hasattr("is_trace_id_random").swallow(py).unwrap_or(false) =>
            {
                ask(py, generator, "is_trace_id_random").unwrap_or(false)
            }
            Self::Python(_) => false,
        }
    }
}

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(python_random_trace_id, module)?)?;
    module.add_function(wrap_pyfunction!(python_random_span_id, module)?)
}

/// A random trace id, which no forked child repeats.
#[guarded]
#[pyfunction]
#[pyo3(name = "random_trace_id")]
fn python_random_trace_id() -> u128 {
    u128::from_be_bytes(random_trace_id())
}

/// A random span id, likewise.
#[guarded]
#[pyfunction]
#[pyo3(name = "random_span_id")]
fn python_random_span_id() -> u64 {
    u64::from_be_bytes(random_span_id())
}

fn ask<T>(py: Python<'_>, generator: &Py<PyAny>, method: &str) -> Option<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py, Error: Into<PyErr>>,
{
    let answer = generator.bind(py).call_method0(method).and_then(|id| id.extract::<T>().map_err(Into::into));
    answer
        .inspect_err(|error| {
            if !guard::pass_on(py, error) {
                let message = format!("The id generator's {method} failed; a random id is used: {error}");
                log::error_once(py, method, &message);
            }
        })
        .ok()
}
