//! The Python classes that spans are made of.

use std::cell::Cell;

use otel_rs_core::guard::guarded;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::Span;

static SPAN_TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
/// The same, derived from the stock SDK's `Span` too; in use as soon as that is imported.
static STOCK_SPAN_TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();

thread_local! {
    /// The span that the next call of the Python type on this thread wraps: nobody else can make one.
    static NEW_SPAN: Cell<Option<Span>> = const { Cell::new(None) };
}

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(register_span_type, module)?)?;
    module.add_function(wrap_pyfunction!(register_stock_span_type, module)?)
}

/// Tells the class that spans are made of: one derived from this module's and from `opentelemetry.trace.Span`.
#[guarded]
#[pyfunction]
fn register_span_type(class: Bound<'_, PyType>) {
    // A package that is imported a second time (a test reloads it) finds the first class in use, and it stays so.
    let _ = SPAN_TYPE.set(class.py(), class.clone().unbind());
}

/// Tells the class that spans are made of from now on: one derived from that, and from `opentelemetry.sdk.trace.Span`.
#[guarded]
#[pyfunction]
fn register_stock_span_type(class: Bound<'_, PyType>) {
    let _ = STOCK_SPAN_TYPE.set(class.py(), class.clone().unbind());
}

/// Makes the Python object of a span.
pub fn create(py: Python<'_>, span: Span) -> PyResult<Bound<'_, Span>> {
    let class = STOCK_SPAN_TYPE.get(py).or_else(|| SPAN_TYPE.get(py));
    let class = class.ok_or_else(|| PyRuntimeError::new_err("otel_rs_sdk was not imported"))?;
    NEW_SPAN.set(Some(span));
    let object = class.bind(py).call0();
    // Taken by `Span.__new__`, unless the call failed before it.
    NEW_SPAN.set(None);
    Ok(object?.cast_into::<Span>()?)
}

/// What a new object is to wrap; `None` for one that nobody but its caller wants.
pub fn take_new() -> Option<Span> {
    NEW_SPAN.take()
}
