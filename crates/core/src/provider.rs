//! Which provider a face talks to, bound late: `instrument()` may come before `set_tracer_provider()`.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::guard::Swallow;
use crate::once;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::log::warning_once;
use crate::native::NativeProvider;

/// Name, version and schema URL of an instrumentation scope.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Name, that of the stock package: views, samplers and dashboards key on it.
    pub name: &'static str,
    /// Version of the plugin.
    pub version: &'static str,
    /// Schema URL of what it emits.
    pub schema_url: &'static str,
}

impl Scope {
    pub(crate) fn to_abi(self) -> otel_rs_abi::ScopeDef<'static> {
        otel_rs_abi::ScopeDef {
            name: otel_rs_abi::Str::from_static(self.name),
            version: otel_rs_abi::Str::from_static(self.version),
            schema_url: otel_rs_abi::Str::from_static(self.schema_url),
        }
    }
}

/// What stands behind a provider.
pub(crate) enum Provider<'py> {
    /// The native SDK.
    Native(NativeProvider),
    /// Any other provider: spoken to through the Python API.
    Python(Bound<'py, PyAny>),
    /// Nothing has been configured (yet): the API's own proxy.
    Unset(Bound<'py, PyAny>),
}

/// Where a face looks for its provider: the one that the user gave, or else the global one of a signal.
pub(crate) struct ProviderSource {
    explicit: Option<Py<PyAny>>,
    /// Module and name of the API's getter.
    getter: (&'static str, &'static str),
    function: PyOnceLock<Py<PyAny>>,
    /// The proxy that was found last: while it is there, nothing has been configured.
    unset: PyOnceLock<Py<PyAny>>,
}

impl ProviderSource {
    /// The tracer provider.
    pub(crate) fn tracer(explicit: Option<Py<PyAny>>) -> Self {
        Self::new(explicit, ("opentelemetry.trace", "get_tracer_provider"))
    }

    /// The meter provider.
    pub(crate) fn meter(explicit: Option<Py<PyAny>>) -> Self {
        Self::new(explicit, ("opentelemetry.metrics", "get_meter_provider"))
    }

    fn new(explicit: Option<Py<PyAny>>, getter: (&'static str, &'static str)) -> Self {
        Self { explicit, getter, function: PyOnceLock::new(), unset: PyOnceLock::new() }
    }

    /// The same source once more.
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self::new(self.explicit.as_ref().map(|explicit| explicit.clone_ref(py)), self.getter)
    }

    /// The provider as it is now, whatever stands behind it.
    pub(crate) fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.explicit {
            Some(explicit) => Ok(explicit.bind(py).clone()),
            None => once::import(&self.function, py, self.getter.0, self.getter.1)?.call0(),
        }
    }

    /// Looks at the provider. Cheap while nothing has been configured.
    pub(crate) fn resolve<'py>(&self, py: Python<'py>) -> PyResult<Provider<'py>> {
        if let Some(explicit) = &self.explicit {
            let provider = explicit.bind(py).clone();
            return Ok(NativeProvider::of(&provider).map_or(Provider::Python(provider), Provider::Native));
        }
        let (module, name) = self.getter;
        let provider = once::import(&self.function, py, module, name)?.call0()?;
        if self.unset.get(py).is_some_and(|unset| provider.is(unset)) {
            return Ok(Provider::Unset(provider));
        }
        // The API's own classes are proxies that wait for a provider and no-ops; an SDK's are defined elsewhere.
        let defined_in: String = provider.get_type().getattr("__module__")?.extract()?;
        if defined_in.starts_with("opentelemetry.trace") || defined_in.starts_with("opentelemetry.metrics") {
            let unset = provider.clone().unbind();
            self.unset.get_or_init(py, || unset);
            return Ok(Provider::Unset(provider));
        }
        Ok(NativeProvider::of(&provider).map_or(Provider::Python(provider), Provider::Native))
    }
}

/// The provider that the user gave as a keyword argument.
pub(crate) fn given(options: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<Py<PyAny>>> {
    Ok(options.get_item(name)?.filter(|provider| !provider.is_none()).map(Bound::unbind))
}

/// Says at the first record, if nobody will receive it, what to install.
pub(crate) fn warn_unset(py: Python<'_>, provider: &Bound<'_, PyAny>) {
    static LOOKED: AtomicBool = AtomicBool::new(false);
    if LOOKED.swap(true, Ordering::Relaxed) {
        return;
    }
    let name = provider.get_type().name().swallow(py);
    let is_proxy = name.is_some_and(|name| name.to_string_lossy().contains("Proxy"));
    let disabled = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let no_exporter = std::env::var("OTEL_TRACES_EXPORTER").is_ok_and(|value| value.trim() == "none");
    if is_proxy && !disabled && !no_exporter {
        warning_once(
            py,
            "no provider",
            "no tracer provider is configured, so spans are not recorded: install otel-rs-distro, or an OpenTelemetry \
             SDK with opentelemetry-distro, and start the application with opentelemetry-instrument",
        );
    }
}
