//! The instrument face.

use otel_rs_abi::KeyValue;
use otel_rs_semconv::Instrument as Definition;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::{api::ApiInstrument, native::NativeInstrument};
use crate::log::{self, Level};
use crate::provider::{self, Provider, ProviderSource, Scope};

/// Makes instruments for one instrumentation scope.
pub struct Meter {
    scope: Scope,
    provider: ProviderSource,
}

/// A counter, up-down counter or histogram.
pub struct Instrument {
    definition: &'static Definition,
    scope: Scope,
    provider: ProviderSource,
    backend: PyOnceLock<Backend>,
}

enum Backend {
    Native(NativeInstrument),
    Api(ApiInstrument),
}

impl Meter {
    /// A meter of `provider`, or of the global provider once there is one.
    pub fn new(scope: Scope, provider: Option<Py<PyAny>>) -> Self {
        Self { scope, provider: ProviderSource::meter(provider) }
    }

    /// The meter of the keyword argument `meter_provider` of `instrument()`, or of the global provider.
    ///
    /// # Errors
    ///
    /// What looking into the options raises.
    pub fn from_options(scope: Scope, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self::new(scope, provider::given(options, "meter_provider")?))
    }

    /// An instrument of this meter.
    pub fn instrument(&self, py: Python<'_>, definition: &'static Definition) -> Instrument {
        let instrument = Instrument {
            definition,
            scope: self.scope,
            provider: self.provider.clone_ref(py),
            backend: PyOnceLock::new(),
        };
        // The instrument exists at the provider from now on if there is one, as the API makes it.
        instrument.with_backend(py, |_| Ok(()));
        instrument
    }
}

impl Instrument {
    /// Records `value` (adds it, for counters) with attributes. `context`, a Python `Context`, is where a provider
    /// that keeps exemplars finds the span; the native SDK has none. What a provider raises is logged
    /// once.
    pub fn record(&self, py: Python<'_>, value: f64, attributes: &[KeyValue<'_>], context: Option<&Bound<'_, PyAny>>) {
        self.with_backend(py, |backend| match backend {
            Backend::Native(instrument) => {
                instrument.record(value, attributes);
                Ok(())
            }
            Backend::Api(instrument) => instrument.record(py, value, attributes, context),
        });
    }

    fn with_backend(&self, py: Python<'_>, body: impl FnOnce(&Backend) -> PyResult<()>) {
        let result = match self.backend.get(py) {
            Some(backend) => body(backend),
            None => match self.resolve(py) {
                Ok(Some(backend)) => body(self.backend.get_or_init(py, || backend)),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            },
        };
        if let Err(error) = result {
            log::raised_once(py, Level::Warning, "meter", &error, "the meter provider raised, the record is dropped");
        }
    }

    /// Nothing while no provider has been configured: there is nobody to record for.
    fn resolve(&self, py: Python<'_>) -> PyResult<Option<Backend>> {
        Ok(match self.provider.resolve(py)? {
            Provider::Native(native) => {
                Some(Backend::Native(NativeInstrument::new(native, self.scope, self.definition)?))
            }
            Provider::Python(provider) => {
                Some(Backend::Api(ApiInstrument::new(&provider, self.scope, self.definition)?))
            }
            Provider::Unset(_) => None,
        })
    }
}
