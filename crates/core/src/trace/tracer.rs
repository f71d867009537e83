//! The tracer face.

use crate::once;
use otel_rs_abi::{KeyValue, SpanKind};
use otel_rs_propagation::RemoteContext;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::{Span, api::ApiTracer, native::NativeTracer, sampler};
use crate::guard::Swallow;
use crate::provider::{self, Provider, ProviderSource, Scope};

/// Makes spans for one instrumentation scope.
pub struct Tracer {
    scope: Scope,
    provider: ProviderSource,
    backend: PyOnceLock<Backend>,
    /// The API's own tracer, in use while nothing has been configured.
    proxy: PyOnceLock<ApiTracer>,
    /// Whether the provider's sampler gives attributes back as they are.
    keeps_attributes: PyOnceLock<bool>,
}

enum Backend {
    Native(NativeTracer),
    Api(ApiTracer),
}

/// A span to be started.
pub struct SpanBuilder<'a, 'py> {
    /// Span name.
    pub name: &'a str,
    /// Span kind.
    pub kind: SpanKind,
    /// Start, nanoseconds since the Unix epoch; `None` for now.
    pub start_time_ns: Option<u64>,
    /// The parent that arrived with the request. It wins over what `context` holds.
    pub remote_parent: Option<&'a RemoteContext>,
    /// The parent context.
    pub context: &'a Bound<'py, PyAny>,
    /// The attributes, there before the sampler is asked.
    pub attributes: &'a [KeyValue<'a>],
}

impl Tracer {
    /// A tracer of `provider`, or of the global provider once there is one.
    pub fn new(scope: Scope, provider: Option<Py<PyAny>>) -> Self {
        Self {
            scope,
            provider: ProviderSource::tracer(provider),
            backend: PyOnceLock::new(),
            proxy: PyOnceLock::new(),
            keeps_attributes: PyOnceLock::new(),
        }
    }

    /// The tracer of the keyword argument `tracer_provider` of `instrument()`, or of the global provider.
    ///
    /// # Errors
    ///
    /// What looking into the options raises.
    pub fn from_options(scope: Scope, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self::new(scope, provider::given(options, "tracer_provider")?))
    }

    /// Whether the sampler may have taken away attributes that a span was started with, or has put others in their place.
    pub fn may_lose_attributes(&self, py: Python<'_>) -> bool {
        self.keeps_attributes.get(py) == Some(&false)
    }

    fn look_at_the_sampler(&self, py: Python<'_>) {
        let keeps = self.provider.object(py).and_then(|provider| sampler::is_of_the_specification(&provider));
        let keeps = keeps.swallow(py).unwrap_or(false);
        self.keeps_attributes.get_or_init(py, || keeps);
    }

    /// Starts a span; it does not become current.
    ///
    /// # Errors
    ///
    /// What the provider (a Python sampler or span processor of the user's, say) raises.
    pub fn start<'py>(&self, py: Python<'py>, builder: &SpanBuilder<'_, 'py>) -> PyResult<Span> {
        if let Some(backend) = self.backend.get(py) {
            return backend.start(py, builder);
        }
        match self.provider.resolve(py)? {
            Provider::Native(native) => {
                self.look_at_the_sampler(py);
                let tracer = NativeTracer::new(native, self.scope)?;
                self.backend.get_or_init(py, || Backend::Native(tracer)).start(py, builder)
            }
            Provider::Python(provider) => {
                self.look_at_the_sampler(py);
                let tracer = ApiTracer::new(&provider, self.scope)?;
                self.backend.get_or_init(py, || Backend::Api(tracer)).start(py, builder)
            }
            Provider::Unset(proxy) => {
                provider::warn_unset(py, &proxy);
                once::get_or_compute(&self.proxy, py, || ApiTracer::new(&proxy, self.scope))?.start(py, builder)
            }
        }
    }
}

impl Backend {
    fn start<'py>(&self, py: Python<'py>, builder: &SpanBuilder<'_, 'py>) -> PyResult<Span> {
        match self {
            Self::Native(tracer) => tracer.start(py, builder),
            Self::Api(tracer) => tracer.start(py, builder),
        }
    }
}
