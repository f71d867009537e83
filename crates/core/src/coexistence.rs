//! One of two: the stock instrumentation of the same library, installed beside ours, stands aside.
//!
//! Entry points load in directory order, which is no order at all, so the stock one may have started already, may come
//! later, or never. It is never imported by us.

use pyo3::intern;
use pyo3::prelude::*;

use crate::guard::Swallow;
use crate::log::{self, Level};
use crate::patch::{Call, PatchSet, namespace};

/// The stock instrumentation that a plugin replaces.
#[derive(Debug)]
pub struct Stock {
    /// Its module, `opentelemetry.instrumentation.flask`.
    pub module: &'static str,
    /// Its instrumentor class.
    pub class: &'static str,
    /// A set with one point: [`decline`] around the class's `instrument`.
    pub patches: &'static PatchSet,
}

impl Stock {
    /// Stops it if it has started, and keeps it from starting. A plugin that somebody has put under the stock name is
    /// not in its own way; `package` is the plugin's.
    ///
    /// # Errors
    ///
    /// What registering an import hook raises.
    pub(crate) fn disarm(&self, py: Python<'_>, package: &str) -> PyResult<()> {
        if let Some(module) = namespace::loaded(py)?.get_item(self.module)?
            && let Some(class) = self.class_in(&module)?
        {
            if class.getattr(intern!(py, "__module__"))?.eq(package)? {
                return Ok(());
            }
            if let Err(error) = self.stop(&class) {
                let message =
                    format!("{} is active too and could not be stopped, so spans may come twice", self.module);
                log::raised_once(py, Level::Warning, self.module, &error, &message);
            }
        }
        self.patches.install(py)
    }

    /// Lets it start again.
    pub(crate) fn rearm(&self, py: Python<'_>) {
        self.patches.remove(py);
    }

    /// Nothing where the module loads with its first use: it has not started.
    fn class_in<'py>(&self, module: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(namespace::of(module).map(|namespace| namespace.get_item(self.class)).transpose()?.flatten())
    }

    fn stop(&self, class: &Bound<'_, PyAny>) -> PyResult<()> {
        let instrumentor = class.call0()?;
        if instrumentor.getattr("is_instrumented_by_opentelemetry")?.is_truthy()? {
            instrumentor.call_method0("uninstrument")?;
            announce(class.py(), self.module);
        }
        Ok(())
    }
}

/// Declares the stock instrumentation that a plugin replaces, by its module and its instrumentor class:
/// `stock!(STOCK, "opentelemetry.instrumentation.flask", "FlaskInstrumentor");`
#[macro_export]
macro_rules! stock {
    ($name:ident, $module:literal, $class:literal) => {
        static $name: $crate::coexistence::Stock = {
            static PATCHES: $crate::patch::PatchSet =
                $crate::patch::PatchSet::new(&[$crate::patch::PatchPoint::around(
                    $module,
                    concat!($class, ".instrument"),
                    $crate::coexistence::decline,
                )]);
            $crate::coexistence::Stock { module: $module, class: $class, patches: &PATCHES }
        };
    };
}

/// The hook around the stock instrumentor's `instrument`: it says so and does nothing.
///
/// # Errors
///
/// None.
pub fn decline(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let module =
        call.args.get_item(0).and_then(|instrumentor| instrumentor.get_type().getattr("__module__")?.extract());
    let module: Option<String> = module.swallow(call.py());
    announce(call.py(), module.as_deref().unwrap_or("the stock instrumentation"));
    Ok(call.py().None())
}

fn announce(py: Python<'_>, module: &str) {
    log::log_once(
        py,
        Level::Info,
        "coexistence",
        &format!("{module} is installed too; it stands aside, so that each operation has one span"),
    );
}
