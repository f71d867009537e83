//! Plugin registration: a descriptor submitted with `inventory`, and the native module made from it.

mod active;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

pub use active::Active;

use crate::coexistence::Stock;
use crate::guard::guarded;
use crate::{guard, log};

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
    let plugin = linked()?;
    guard::install();
    log::set_logger_name(plugin.package);
    module.add("__version__", plugin.version)?;
    module.add("INSTRUMENTS", plugin.instruments)?;
    module.add_function(wrap_pyfunction!(instrument, module)?)?;
    module.add_function(wrap_pyfunction!(uninstrument, module)?)?;
    module.add_function(wrap_pyfunction!(panics, module)?)?;
    plugin.instrumentor.register(module)
}

/// Starts to instrument. The keyword arguments are those of the stock instrumentor's `instrument()`.
#[guarded]
#[pyfunction]
#[pyo3(signature = (**options))]
fn instrument(py: Python<'_>, options: Option<&Bound<'_, PyDict>>) {
    let none = PyDict::new(py);
    report(py, "instrument()", || {
        let plugin = linked()?;
        if let Some(stock) = plugin.stock {
            stock.disarm(py)?;
        }
        plugin.instrumentor.instrument(options.unwrap_or(&none))
    });
}

/// Undoes `instrument()`: every application is bare again.
#[guarded]
#[pyfunction]
fn uninstrument(py: Python<'_>) {
    report(py, "uninstrument()", || {
        let plugin = linked()?;
        plugin.instrumentor.uninstrument(py)?;
        if let Some(stock) = plugin.stock {
            stock.rearm(py);
        }
        Ok(())
    });
}

/// How many panics were caught in this library since it was loaded.
#[guarded]
#[pyfunction]
fn panics() -> u64 {
    guard::panics()
}

/// Runs a function that Python calls to change what is instrumented. What it raises is logged in one line and goes no
/// further: the launcher gives up on all instrumentations when one of them raises.
pub fn report(py: Python<'_>, what: &'static str, body: impl FnOnce() -> PyResult<()>) {
    if let Some(Err(error)) = guard::guard(what, body) {
        log::log(py, log::Level::Error, &format!("{what} failed, the library is not instrumented as asked: {error}"));
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
