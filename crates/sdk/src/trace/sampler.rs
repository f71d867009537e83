//! Samplers: the native ones as Python objects, and Python ones as samplers.

use otel_rs_core::guard::{self, Swallow, guarded};
use otel_rs_core::log;
use otel_rs_pipeline::trace::{Delegate, ParentBased as ParentBasedDelegates, RootSampler, Sampler, SpanContext};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::context;
use crate::api::api;
use crate::lifecycle::log_pending;

/// Adds the classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeSampler>()?;
    module.add_class::<StaticSampler>()?;
    module.add_class::<TraceIdRatioBased>()?;
    module.add_class::<ParentBased>()?;
    module.add_function(wrap_pyfunction!(sampler_from_environment, module)?)
}

/// What a sampler has decided.
#[derive(Debug)]
pub struct Decision<'py> {
    /// Whether the span records.
    pub is_recording: bool,
    /// Whether it has the sampled flag.
    pub is_sampled: bool,
    /// From a Python sampler: what the sampler says of attributes and trace state, instead of the caller's attributes
    /// and the parent's trace state.
    pub result: Option<Bound<'py, PyAny>>,
}

impl Decision<'_> {
    /// The decision of a native sampler.
    pub fn sampled(is_sampled: bool) -> Self {
        Self { is_recording: is_sampled, is_sampled, result: None }
    }
}

/// Base of the native samplers.
#[guarded]
#[pyclass(module = "otel_rs_sdk._native", frozen, subclass)]
pub struct NativeSampler {
    sampler: Sampler<Py<PyAny>>,
}

#[guarded]
#[pymethods]
impl NativeSampler {
    /// Decides for a span, as the stock samplers do.
    #[pyo3(signature = (parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None))]
    #[allow(clippy::too_many_arguments, reason = "the signature is the stock SDK's")]
    fn should_sample<'py>(
        &self,
        py: Python<'py>,
        parent_context: Option<Bound<'py, PyAny>>,
        trace_id: u128,
        name: Bound<'py, PyAny>,
        kind: Option<Bound<'py, PyAny>>,
        attributes: Option<Bound<'py, PyAny>>,
        links: Option<Bound<'py, PyAny>>,
        trace_state: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = trace_state;
        let parent_span = api(py)?.get_current_span.bind(py).call1((&parent_context,))?;
        let parent = context::from_span(&parent_span)?;
        match self.sampler.delegate(parent.as_ref()) {
            Delegate::Custom(sampler) => sampler
                .bind(py)
                .call_method1("should_sample", (parent_context, trace_id, name, kind, attributes, links)),
            Delegate::Root(sampler) => {
                let sampled = sampler.is_sampled(trace_id.to_be_bytes());
                let trace_state =
                    parent.map(|parent| context::to_python(py, &parent)?.getattr("trace_state")).transpose()?;
                let sampling = py.import("otel_rs_sdk._sampling")?;
                let decision =
                    sampling.getattr("Decision")?.getattr(if sampled { "RECORD_AND_SAMPLE" } else { "DROP" })?;
                let attributes = attributes.filter(|_| sampled);
                sampling.getattr("SamplingResult")?.call1((decision, attributes, trace_state))
            }
        }
    }

    /// A line that names the sampler and its configuration.
    fn get_description(&self, py: Python<'_>) -> String {
        description(py, &self.sampler)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        description(py, &self.sampler)
    }
}

/// A sampler that always decides the same.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = NativeSampler, frozen, subclass)]
pub struct StaticSampler;

#[guarded]
#[pymethods]
impl StaticSampler {
    #[new]
    fn new(sampled: bool) -> PyClassInitializer<Self> {
        let root = if sampled { RootSampler::AlwaysOn } else { RootSampler::AlwaysOff };
        PyClassInitializer::from(NativeSampler { sampler: Sampler::Root(root) }).add_subclass(Self)
    }
}

/// A sampler that samples a share of the traces, by their ids.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = NativeSampler, frozen, subclass)]
pub struct TraceIdRatioBased {
    rate: f64,
}

#[guarded]
#[pymethods]
impl TraceIdRatioBased {
    #[new]
    fn new(rate: f64) -> PyResult<PyClassInitializer<Self>> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(PyValueError::new_err("Probability must be in range [0.0, 1.0]."));
        }
        let sampler = Sampler::Root(RootSampler::TraceIdRatio(rate));
        Ok(PyClassInitializer::from(NativeSampler { sampler }).add_subclass(Self { rate }))
    }

    #[getter]
    fn rate(&self) -> f64 {
        self.rate
    }
}

/// A sampler that follows the parent's decision and asks `root` for spans without one.
#[guarded]
#[pyclass(module = "otel_rs_sdk", extends = NativeSampler, frozen, subclass)]
pub struct ParentBased;

#[guarded]
#[pymethods]
impl ParentBased {
    #[new]
    #[pyo3(signature = (
        root, remote_parent_sampled=None, remote_parent_not_sampled=None, local_parent_sampled=None,
        local_parent_not_sampled=None,
    ))]
    fn new(
        root: &Bound<'_, PyAny>,
        remote_parent_sampled: Option<&Bound<'_, PyAny>>,
        remote_parent_not_sampled: Option<&Bound<'_, PyAny>>,
        local_parent_sampled: Option<&Bound<'_, PyAny>>,
        local_parent_not_sampled: Option<&Bound<'_, PyAny>>,
    ) -> PyClassInitializer<Self> {
        let or = |sampler: Option<&Bound<'_, PyAny>>, default| sampler.map_or(Sampler::Root(default), extract);
        let sampler = Sampler::ParentBased(Box::new(ParentBasedDelegates {
            root: extract(root),
            remote_parent_sampled: or(remote_parent_sampled, RootSampler::AlwaysOn),
            remote_parent_not_sampled: or(remote_parent_not_sampled, RootSampler::AlwaysOff),
            local_parent_sampled: or(local_parent_sampled, RootSampler::AlwaysOn),
            local_parent_not_sampled: or(local_parent_not_sampled, RootSampler::AlwaysOff),
        }));
        PyClassInitializer::from(NativeSampler { sampler }).add_subclass(Self)
    }
}

/// The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name.
#[guarded]
#[pyfunction]
fn sampler_from_environment(py: Python<'_>) -> NativeSampler {
    let sampler = Sampler::from_environment();
    log_pending(py);
    NativeSampler { sampler }
}

/// The sampler in a Python object: what is not native is called.
pub fn extract(sampler: &Bound<'_, PyAny>) -> Sampler<Py<PyAny>> {
    // A subclass may have its own `should_sample`, which only a call finds.
    match sampler.cast::<NativeSampler>() {
        Ok(native) if !overrides_should_sample(sampler) => copy(sampler.py(), &native.get().sampler),
        _ => Sampler::Custom(sampler.clone().unbind()),
    }
}

fn overrides_should_sample(sampler: &Bound<'_, PyAny>) -> bool {
    let own = sampler.get_type().getattr("should_sample");
    let native = sampler.py().get_type::<NativeSampler>().getattr("should_sample");
    !matches!((own, native), (Ok(own), Ok(native)) if own.is(&native))
}

/// The same sampler.
pub fn copy(py: Python<'_>, sampler: &Sampler<Py<PyAny>>) -> Sampler<Py<PyAny>> {
    match sampler {
        Sampler::Root(root) => Sampler::Root(root.clone()),
        Sampler::Custom(sampler) => Sampler::Custom(sampler.clone_ref(py)),
        Sampler::ParentBased(delegates) => Sampler::ParentBased(Box::new(ParentBasedDelegates {
            root: copy(py, &delegates.root),
            remote_parent_sampled: copy(py, &delegates.remote_parent_sampled),
            remote_parent_not_sampled: copy(py, &delegates.remote_parent_not_sampled),
            local_parent_sampled: copy(py, &delegates.local_parent_sampled),
            local_parent_not_sampled: copy(py, &delegates.local_parent_not_sampled),
        })),
    }
}

/// Asks a Python sampler. If it raises, that is logged once and the span is not sampled.
pub fn ask<'py>(sampler: &Bound<'py, PyAny>, arguments: impl pyo3::call::PyCallArgs<'py>) -> Decision<'py> {
    let decide = || -> PyResult<Decision<'py>> {
        let result = sampler.call_method1("should_sample", arguments)?;
        let decision = result.getattr("decision")?;
        Ok(Decision {
            is_recording: decision.call_method0("is_recording")?.is_truthy()?,
            is_sampled: decision.call_method0("is_sampled")?.is_truthy()?,
            result: Some(result),
        })
    };
    decide().unwrap_or_else(|error| {
        if !guard::pass_on(sampler.py(), &error) {
            let message = format!("The sampler failed; spans are not sampled where it does: {error}");
            log::error_once(sampler.py(), "sampler", &message);
        }
        Decision::sampled(false)
    })
}

/// As `get_description` of the stock samplers.
fn description(py: Python<'_>, sampler: &Sampler<Py<PyAny>>) -> String {
    match sampler {
        Sampler::Root(root) => root.to_string(),
        Sampler::Custom(sampler) => {
            let text = sampler.bind(py).call_method0("get_description").and_then(|text| text.extract());
            text.swallow(py).unwrap_or_else(|| "Sampler".to_owned())
        }
        Sampler::ParentBased(delegates) => format!(
            "ParentBased{{root:{},remoteParentSampled:{},remoteParentNotSampled:{},localParentSampled:{},\
             localParentNotSampled:{}}}",
            description(py, &delegates.root),
            description(py, &delegates.remote_parent_sampled),
            description(py, &delegates.remote_parent_not_sampled),
            description(py, &delegates.local_parent_sampled),
            description(py, &delegates.local_parent_not_sampled),
        ),
    }
}

/// Decides by a native sampler alone, if the provider's is one for this parent.
pub fn native<'a>(
    sampler: &'a Sampler<Py<PyAny>>,
    parent: Option<&SpanContext>,
    trace_id: [u8; 16],
) -> Result<Decision<'static>, &'a Py<PyAny>> {
    match sampler.delegate(parent) {
        Delegate::Root(root) => Ok(Decision::sampled(root.is_sampled(trace_id))),
        Delegate::Custom(sampler) => Err(sampler),
    }
}
