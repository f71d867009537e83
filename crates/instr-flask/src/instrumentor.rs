//! `FlaskInstrumentor`, and the functions for single applications.

use otel_rs_core::guard::guarded;
use otel_rs_core::log::{self, Level};
use otel_rs_core::plugin::{Instrumentor, report};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::settings::Settings;
use crate::{ENTRY, FUNCTIONS, HANDLED, MARK, TEARDOWN, apps, overrides};

/// Instruments Flask: all applications, those made before included.
pub(crate) struct FlaskInstrumentor;

impl Instrumentor for FlaskInstrumentor {
    fn instrument(&self, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = options.py();
        let settings = Settings::new(options)?;
        let handled_exceptions = settings.handled_exceptions;
        apps::GLOBAL.set(Some(settings));
        MARK.install(py)?;
        if py.import("sys")?.getattr("modules")?.contains("flask.app")? {
            ENTRY.install(py)?;
        }
        install_functions(py, handled_exceptions)
    }

    fn uninstrument(&self, py: Python<'_>) -> PyResult<()> {
        apps::GLOBAL.set(None);
        MARK.remove(py);
        remove_if_unused(py)
    }

    fn register(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add_function(wrap_pyfunction!(instrument_app, module)?)?;
        module.add_function(wrap_pyfunction!(uninstrument_app, module)?)
    }
}

/// What begins a request comes after what ends it.
fn install_functions(py: Python<'_>, handled_exceptions: bool) -> PyResult<()> {
    TEARDOWN.install(py)?;
    FUNCTIONS.install(py)?;
    if handled_exceptions {
        HANDLED.install(py)?;
    }
    overrides::cover_all(py)
}

fn is_used() -> bool {
    MARK.is_installed() || apps::any_by_hand()
}

fn remove_if_unused(py: Python<'_>) -> PyResult<()> {
    if is_used() {
        return Ok(());
    }
    let handled_exceptions = HANDLED.is_installed();
    ENTRY.remove(py);
    FUNCTIONS.remove(py);
    HANDLED.remove(py);
    overrides::remove(py);
    TEARDOWN.remove(py);
    // An application may have been instrumented by hand in another thread meanwhile.
    if is_used() {
        ENTRY.install(py)?;
        install_functions(py, handled_exceptions)?;
    }
    Ok(())
}

/// Instruments one application with options of its own, the keyword arguments of `instrument()`.
#[guarded]
#[pyfunction]
#[pyo3(signature = (app, **options))]
fn instrument_app(app: &Bound<'_, PyAny>, options: Option<&Bound<'_, PyDict>>) {
    let py = app.py();
    let none = PyDict::new(py);
    report(py, "instrument_app()", || {
        let settings = Settings::new(options.unwrap_or(&none))?;
        let handled_exceptions = settings.handled_exceptions;
        if !apps::add(app, settings)? {
            log::log(py, Level::Warning, "Attempting to instrument Flask app while already instrumented");
        }
        ENTRY.install(py)?;
        install_functions(py, handled_exceptions)
    });
}

/// Makes one application bare, whatever is instrumented globally.
#[guarded]
#[pyfunction]
fn uninstrument_app(app: &Bound<'_, PyAny>) {
    let py = app.py();
    report(py, "uninstrument_app()", || {
        if !apps::remove(app)? {
            log::log(py, Level::Warning, "Attempting to uninstrument Flask app while already uninstrumented");
        }
        remove_if_unused(py)
    });
}
