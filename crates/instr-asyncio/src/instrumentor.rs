//! `AsyncioInstrumentor`, and what it offers for single coroutines, futures and functions.

use std::collections::HashSet;
use std::sync::Arc;

use otel_rs_core::guard::{guard, guarded};
use otel_rs_core::plugin::Instrumentor;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::settings::{self, ACTIVE, Settings};
use crate::{FUNCTIONS, coroutine, future, hooks, thread};

/// Instruments asyncio.
pub(crate) struct AsyncioInstrumentor;

impl Instrumentor for AsyncioInstrumentor {
    fn instrument(&self, options: &Bound<'_, PyDict>) -> PyResult<()> {
        ACTIVE.set(Some(Settings::new(options)?));
        FUNCTIONS.install(options.py())
    }

    fn uninstrument(&self, py: Python<'_>) -> PyResult<()> {
        ACTIVE.set(None);
        FUNCTIONS.remove(py);
        Ok(())
    }

    fn register(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add_function(wrap_pyfunction!(trace_coroutine, module)?)?;
        module.add_function(wrap_pyfunction!(trace_future, module)?)?;
        module.add_function(wrap_pyfunction!(trace_item, module)?)?;
        module.add_function(wrap_pyfunction!(wrap_to_thread_func, module)?)?;
        module.add_function(wrap_pyfunction!(get_coros_to_trace, module)?)?;
        module.add_function(wrap_pyfunction!(get_future_trace_enabled, module)?)?;
        module.add_function(wrap_pyfunction!(get_to_thread_to_trace, module)?)
    }
}

/// A coroutine around this one that measures it.
#[guarded]
#[pyfunction]
fn trace_coroutine<'py>(coro: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    traced(coro, |settings| coroutine::trace(settings, coro))
}

/// Measures a future until it is done; returns it.
#[guarded]
#[pyfunction]
fn trace_future<'py>(future: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    traced(future, |settings| future::trace(settings, future).map(|()| future.clone()))
}

/// A measured coroutine or future for one that is not; anything else as it is.
#[guarded]
#[pyfunction]
fn trace_item<'py>(coro_or_future: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    traced(coro_or_future, |settings| hooks::trace_item(settings, coro_or_future))
}

/// A function around this one that measures each call, as one of `to_thread`.
#[guarded]
#[pyfunction]
fn wrap_to_thread_func<'py>(func: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    traced(func, |settings| thread::trace(settings, func))
}

/// The names of the coroutines that have spans, as the environment has them now.
#[guarded]
#[pyfunction]
fn get_coros_to_trace() -> HashSet<String> {
    settings::coroutine_names()
}

/// Whether futures have spans, as the environment has it now.
#[guarded]
#[pyfunction]
fn get_future_trace_enabled(py: Python<'_>) -> bool {
    settings::traces_futures(py)
}

/// The names of the functions of `to_thread` that have spans, as the environment has them now.
#[guarded]
#[pyfunction]
fn get_to_thread_to_trace() -> HashSet<String> {
    settings::thread_function_names()
}

/// What `trace` makes of `given`; as it is where asyncio is not instrumented.
fn traced<'py>(
    given: &Bound<'py, PyAny>,
    trace: impl FnOnce(&Arc<Settings>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(settings) = ACTIVE.get() else { return Ok(given.clone()) };
    match guard("trace", || trace(&settings)) {
        Some(traced) => hooks::bare_on_error(given, traced),
        None => Ok(given.clone()),
    }
}
