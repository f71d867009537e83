//! `FlaskInstrumentor`, and the functions for single applications.

use otel_rs_core::guard::guarded;
use otel_rs_core::log::{self, Level};
use otel_rs_core::plugin::{Instrumentor, report};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::settings::Settings;
use crate::{ENTRY, FUNCTIONS, MARK, apps};

/// Instruments Flask: all applications, those made before included.
pub(crate) struct FlaskInstrumentor;

impl Instrumentor for FlaskInstrumentor {
    fn instrument(&self, options: &Bound<'_, PyDict>) -> PyResult<()> {
        let py = options.py();
        apps::GLOBAL.set(Some(Settings::new(options)?));
        MARK.install(py)?;
        if py.import("sys")?.getattr("modules")?.contains("flask.app")? {
            ENTRY.install(py)?;
        }
        FUNCTIONS.install(py)
    }

    fn uninstrument(&self, py: Python<'_>) -> PyResult<()> {
        apps::GLOBAL.set(None);
        MARK.remove(py);
        remove_if_unused(py);
        Ok(())
    }

    fn register(&self, module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add_function(wrap_pyfunction!(instrument_app, module)?)?;
        module.add_function(wrap_pyfunction!(uninstrument_app, module)?)
    }
}

fn remove_if_unused(py: Python<'_>) {
    if !MARK.is_installed() && !apps::any_by_hand() {
        ENTRY.remove(py);
        FUNCTIONS.remove(py);
    }
}

/// Instruments one application with options of its own, the keyword arguments of `instrument()`.
#[guarded]
#[pyfunction]
#[pyo3(signature = (app, **options))]
fn instrument_app(app: &Bound<'_, PyAny>, options: Option<&Bound<'_, PyDict>>) {
    let py = app.py();
    let none = PyDict::new(py);
    report(py, "instrument_app()", || {
        ENTRY.install(py)?;
        FUNCTIONS.install(py)?;
        if !apps::add(app, Settings::new(options.unwrap_or(&none))?)? {
            log::log(py, Level::Warning, "Attempting to instrument Flask app while already instrumented");
        }
        Ok(())
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
        remove_if_unused(py);
        Ok(())
    });
}
