//! Which provider a face talks to, bound late: `instrument()` may come before `set_tracer_provider()`.

use pyo3::prelude::*;

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

/// Looks at `explicit`, or else at what `module.getter()` returns.
pub(crate) fn resolve<'py>(
    py: Python<'py>,
    explicit: Option<&Py<PyAny>>,
    module: &str,
    getter: &str,
) -> PyResult<Provider<'py>> {
    if let Some(explicit) = explicit {
        let provider = explicit.bind(py).clone();
        return Ok(NativeProvider::of(&provider).map_or(Provider::Python(provider), Provider::Native));
    }
    let provider = py.import(module)?.call_method0(getter)?;
    // The API's own classes are proxies that wait for a provider and no-ops; an SDK's are defined elsewhere.
    let defined_in: String = provider.get_type().getattr("__module__")?.extract()?;
    if defined_in.starts_with("opentelemetry.trace") || defined_in.starts_with("opentelemetry.metrics") {
        return Ok(Provider::Unset(provider));
    }
    Ok(NativeProvider::of(&provider).map_or(Provider::Python(provider), Provider::Native))
}

/// Says once, at the first record that nobody will receive, what to install.
pub(crate) fn warn_unset(py: Python<'_>, provider: &Bound<'_, PyAny>) {
    let is_proxy = provider.get_type().name().is_ok_and(|name| name.to_string_lossy().contains("Proxy"));
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
