//! Plugin registration: a descriptor submitted with `inventory`, and the native module made from it.

mod active;

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pub use active::Active;

use crate::coexistence::Stock;
use crate::guard::guarded;
use crate::patch::Turns;
use crate::{guard, interpreter, log};

/// A plugin: one instrumented library in one wheel.
pub struct Plugin {
    /// Name of the entry point in the group `opentelemetry_instrumentor`.
    pub name: &'static str,
    /// The Python package, which also names the logger.
    pub package: &'static str,
    /// Version of the plugin.
    pub version: &'static str,
    /// The distributions that it instruments, as requirement specifiers.
    pub instruments: &'static [&'static str],
    /// The stock instrumentation whose place it takes, if there is one.
    pub stock: Option<&'static Stock>,
    /// What it does.
    pub instrumentor: &'static dyn Instrumentor,
}

/// The behaviour behind a plugin's `BaseInstrumentor`.
pub trait Instrumentor: Sync {
    /// Starts to instrument with the keyword arguments of `instrument()`. Called while it does not.
    ///
    /// # Errors
    ///
    /// What makes it impossible; it is logged.
    fn instrument(&self, options: &Bound<'_, PyDict>) -> PyResult<()>;

    /// Undoes [`Self::instrument`].
    ///
    /// # Errors
    ///
    /// As above.
    fn uninstrument(&self, py: Python<'_>) -> PyResult<()>;

    /// Adds what the plugin's module offers besides to the native module.
    ///
    /// # Errors
    ///
    /// What Python raises.
    fn register(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        let _ = module;
        Ok(())
    }
}

inventory::collect!(Plugin);

/// The plugin that is linked into this library. `inventory` sees what is in the same shared library and nothing else,
/// so that each wheel finds its own.
///
/// # Errors
///
/// If there is none.
pub fn linked() -> PyResult<&'static Plugin> {
    inventory::iter::<Plugin>
        .into_iter()
        .next()
        .ok_or_else(|| PyRuntimeError::new_err("no plugin has been submitted in this library"))
}

/// Fills the native module. [`plugin_module!`](crate::plugin_module) calls it.
///
/// # Errors
///
/// What Python raises.
pub fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
    interpreter::claim(module)?;
    let plugin = linked()?;
    guard::install();
    log::set_logger_name(plugin.package);
    module.add("__version__", plugin.version)?;
    module.add("INSTRUMENTS", plugin.instruments)?;
    module.add_function(wrap_pyfunction!(instrument, module)?)?;
    module.add_function(wrap_pyfunction!(uninstrument, module)?)?;
    module.add_function(wrap_pyfunction!(panics, module)?)?;
    module.add("INSTRUMENTED", Py::new(module.py(), Instrumented)?)?;
    plugin.instrumentor.register(module)
}

/// What was asked for last, and what holds. Any thread may ask at any time; one at a time does it.
struct Lifecycle {
    turns: Turns,
    /// No Python code runs under the lock.
    state: Mutex<State>,
}

struct State {
    /// The options of `instrument()`; nothing after `uninstrument()`.
    wanted: Option<Py<PyDict>>,
    /// Whether `wanted` is to be done yet.
    pending: bool,
}

static LIFECYCLE: Lifecycle =
    Lifecycle { turns: Turns::new(), state: Mutex::new(State { wanted: None, pending: false }) };

impl Lifecycle {
    fn state<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        body(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Instruments with these options, or no longer.
    fn want(&self, py: Python<'_>, options: Option<Py<PyDict>>) {
        let previous = self.state(|state| {
            state.pending = true;
            std::mem::replace(&mut state.wanted, options)
        });
        // Dropped here, without the lock.
        drop(previous);
        self.turns.take(|| {
            if let Some(options) = self.state(|state| {
                std::mem::take(&mut state.pending).then(|| state.wanted.as_ref().map(|options| options.clone_ref(py)))
            }) {
                match options {
                    Some(options) => self.instrument(options.bind(py)),
                    None => drop(report(py, "uninstrument()", || uninstrument_all(py))),
                }
            }
        });
    }

    /// What cannot be instrumented as asked is not instrumented at all, and may be asked for again.
    fn instrument(&self, options: &Bound<'_, PyDict>) {
        let py = options.py();
        let done = report(py, "instrument()", || {
            let plugin = linked()?;
            if let Some(stock) = plugin.stock {
                stock.disarm(py, plugin.package)?;
            }
            plugin.instrumentor.instrument(options)
        });
        if !done {
            report(py, "uninstrument()", || uninstrument_all(py));
            let failed = self.state(|state| state.wanted.take_if(|_| !state.pending));
            drop(failed);
        }
    }
}

fn uninstrument_all(py: Python<'_>) -> PyResult<()> {
    let plugin = linked()?;
    let result = plugin.instrumentor.uninstrument(py);
    if let Some(stock) = plugin.stock {
        stock.rearm(py);
    }
    result
}

/// Starts to instrument. The keyword arguments are those of the stock instrumentor's `instrument()`.
#[guarded]
#[pyfunction]
#[pyo3(signature = (**options))]
fn instrument(py: Python<'_>, options: Option<Bound<'_, PyDict>>) {
    LIFECYCLE.want(py, Some(options.unwrap_or_else(|| PyDict::new(py)).unbind()));
}

/// Undoes `instrument()`: every application is bare again.
#[guarded]
#[pyfunction]
fn uninstrument(py: Python<'_>) {
    LIFECYCLE.want(py, None);
}

/// What an instrumentor's `_is_instrumented_by_opentelemetry` is: what was asked for last, by whichever thread. The base
/// class sets it when it returns from what it was asked, and two threads would leave it at the opposite of what holds.
#[guarded]
#[pyclass(frozen, module = "otel_rs")]
struct Instrumented;

#[guarded]
#[pymethods]
impl Instrumented {
    fn __get__(&self, _instance: Option<&Bound<'_, PyAny>>, _owner: Option<&Bound<'_, PyAny>>) -> bool {
        LIFECYCLE.state(|state| state.wanted.is_some())
    }

    fn __set__(&self, _instance: &Bound<'_, PyAny>, _value: &Bound<'_, PyAny>) {}
}

/// How many panics were caught in this library since it was loaded.
#[guarded]
#[pyfunction]
fn panics() -> u64 {
    guard::panics()
}

/// Runs a function that Python calls to change what is instrumented; answers whether it was done. What it raises is
/// logged in one line and goes no further: the launcher gives up on all instrumentations when one of them raises.
pub fn report(py: Python<'_>, what: &'static str, body: impl FnOnce() -> PyResult<()>) -> bool {
    match guard::guard(what, body) {
        Some(Ok(())) => true,
        Some(Err(error)) => {
            if !guard::pass_on(py, &error) {
                let described = log::described(py, &error);
                let message = format!("{what} failed, the library is not instrumented as asked: {described}");
                log::log(py, log::Level::Error, &message);
            }
            false
        }
        None => false,
    }
}

/// Makes the native module of a plugin: `plugin_module!(_native);` beside its `inventory::submit!`.
///
/// It expands to a function and not to a declarative module: a function-like macro that emits classes inside one
/// compiles and exports nothing.
#[macro_export]
macro_rules! plugin_module {
    ($name:ident) => {
        /// The native module of the plugin.
        #[$crate::pyo3::pymodule]
        #[pyo3(crate = "otel_rs_core::pyo3")]
        fn $name(module: &$crate::pyo3::Bound<'_, $crate::pyo3::types::PyModule>) -> $crate::pyo3::PyResult<()> {
            $crate::guard::guard_result(stringify!($name), || $crate::plugin::init(module))
        }
    };
}
