//! Which settings hold for an application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use otel_rs_core::guard::guarded;
use otel_rs_core::plugin::Active;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::settings::Settings;

/// The settings of `instrument()`, for every application without settings of its own.
pub(crate) static GLOBAL: Active<Settings> = Active::none();

/// How many applications are there that were instrumented by hand and not uninstrumented.
static BY_HAND: AtomicUsize = AtomicUsize::new(0);

/// One of them.
struct ByHand;

impl ByHand {
    fn new() -> Self {
        BY_HAND.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        BY_HAND.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What holds for an application.
#[derive(Clone)]
pub(crate) struct Instrumented {
    pub settings: Arc<Settings>,
    /// Whether it is measured around the middleware that it had when it was instrumented by hand, as by stock.
    pub around_middleware: bool,
}

/// An application's own settings, kept in its `__dict__`.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_flask")]
struct AppSettings {
    instrumented: Instrumented,
    _by_hand: ByHand,
}

/// Whether an application is instrumented by hand.
pub(crate) fn any_by_hand() -> bool {
    BY_HAND.load(Ordering::SeqCst) > 0
}

/// The settings of an application: its own win over the global ones, and there are none if it was uninstrumented by
/// hand or is instrumented by somebody else.
pub(crate) fn settings_for(app: &Bound<'_, PyAny>) -> PyResult<Option<Instrumented>> {
    let py = app.py();
    let namespace = namespace(app)?;
    match namespace.get_item(intern!(py, "_is_instrumented_by_opentelemetry"))? {
        None => Ok(GLOBAL.get().map(|settings| Instrumented { settings, around_middleware: false })),
        Some(_) => own(&namespace),
    }
}

/// Gives an application settings of its own. False if it has some already.
pub(crate) fn add(app: &Bound<'_, PyAny>, settings: Arc<Settings>) -> PyResult<bool> {
    let py = app.py();
    let namespace = namespace(app)?;
    if own(&namespace)?.is_some() {
        return Ok(false);
    }
    let around_middleware = namespace.contains(intern!(py, "wsgi_app"))?;
    let instrumented = Instrumented { settings, around_middleware };
    let settings = AppSettings { instrumented, _by_hand: ByHand::new() };
    namespace.set_item(intern!(py, "_otel_rs_settings"), Bound::new(py, settings)?)?;
    app.setattr(intern!(py, "_is_instrumented_by_opentelemetry"), true)?;
    Ok(true)
}

/// Makes an application bare, whatever is instrumented globally. False if it was bare already.
pub(crate) fn remove(app: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = app.py();
    let was_instrumented = settings_for(app)?.is_some();
    let namespace = namespace(app)?;
    if own(&namespace)?.is_some() {
        namespace.del_item(intern!(py, "_otel_rs_settings"))?;
    }
    if was_instrumented {
        app.setattr(intern!(py, "_is_instrumented_by_opentelemetry"), false)?;
    }
    Ok(was_instrumented)
}

fn own(namespace: &Bound<'_, PyDict>) -> PyResult<Option<Instrumented>> {
    let settings = namespace.get_item(intern!(namespace.py(), "_otel_rs_settings"))?;
    Ok(settings
        .and_then(|settings| settings.cast::<AppSettings>().ok().map(|settings| settings.get().instrumented.clone())))
}

fn namespace<'py>(app: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    Ok(app.getattr(intern!(app.py(), "__dict__"))?.cast_into()?)
}
