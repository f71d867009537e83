//! Samplers, by the rules of the Python SDK.

use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler as OtelSampler, SamplingDecision, ShouldSample};

use super::SpanContext;
use crate::attributes::float_repr;
use crate::environment;

/// A sampler that decides by the trace id alone.
#[derive(Clone, Debug)]
pub enum RootSampler {
    /// Samples every trace.
    AlwaysOn,
    /// Samples none.
    AlwaysOff,
    /// Samples this share of the traces, 0 to 1.
    TraceIdRatio(f64),
}

impl RootSampler {
    /// Whether a span of this trace is sampled.
    pub fn is_sampled(&self, trace_id: [u8; 16]) -> bool {
        let sampler = match self {
            Self::AlwaysOn => return true,
            Self::AlwaysOff => return false,
            Self::TraceIdRatio(ratio) => OtelSampler::TraceIdRatioBased(*ratio),
        };
        let trace_id = TraceId::from_bytes(trace_id);
        let result = sampler.should_sample(None, trace_id, "", &SpanKind::Internal, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }
}

/// A sampler; `C` is one that the pipeline does not know.
#[derive(Clone, Debug)]
pub enum Sampler<C> {
    /// Decides by the trace id.
    Root(RootSampler),
    /// Lets the parent decide who decides.
    ParentBased(Box<ParentBased<C>>),
    /// One of the caller's own.
    Custom(C),
}

/// The delegates of a parent-based sampler.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "each field is named after the parent that it answers for")]
pub struct ParentBased<C> {
    pub root: Sampler<C>,
    pub remote_parent_sampled: Sampler<C>,
    pub remote_parent_not_sampled: Sampler<C>,
    pub local_parent_sampled: Sampler<C>,
    pub local_parent_not_sampled: Sampler<C>,
}

/// The sampler that decides in the end.
#[derive(Debug)]
pub enum Delegate<'a, C> {
    /// One that decides by the trace id.
    Root(&'a RootSampler),
    /// One of the caller's own.
    Custom(&'a C),
}

impl<C> Sampler<C> {
    /// A parent-based sampler with the usual delegates: what has a parent follows it.
    pub fn parent_based(root: Self) -> Self {
        Self::ParentBased(Box::new(ParentBased {
            root,
            remote_parent_sampled: Self::Root(RootSampler::AlwaysOn),
            remote_parent_not_sampled: Self::Root(RootSampler::AlwaysOff),
            local_parent_sampled: Self::Root(RootSampler::AlwaysOn),
            local_parent_not_sampled: Self::Root(RootSampler::AlwaysOff),
        }))
    }

    /// Follows parent-based samplers to the one that decides for a span with this (valid) parent.
    pub fn delegate(&self, parent: Option<&SpanContext>) -> Delegate<'_, C> {
        match self {
            Self::Root(sampler) => Delegate::Root(sampler),
            Self::Custom(sampler) => Delegate::Custom(sampler),
            Self::ParentBased(samplers) => match parent {
                None => &samplers.root,
                Some(parent) => match (parent.is_remote, parent.is_sampled()) {
                    (true, true) => &samplers.remote_parent_sampled,
                    (true, false) => &samplers.remote_parent_not_sampled,
                    (false, true) => &samplers.local_parent_sampled,
                    (false, false) => &samplers.local_parent_not_sampled,
                },
            }
            .delegate(parent),
        }
    }

    /// The sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` name; without them, and with one report for
    /// what cannot be used, `parentbased_always_on` and a ratio of 1.
    pub fn from_environment() -> Self {
        let name = environment::text("OTEL_TRACES_SAMPLER").map(|name| name.trim().to_ascii_lowercase());
        match name.as_deref() {
            None | Some("parentbased_always_on") => Self::parent_based(Self::Root(RootSampler::AlwaysOn)),
            Some("parentbased_always_off") => Self::parent_based(Self::Root(RootSampler::AlwaysOff)),
            Some("parentbased_traceidratio") => Self::parent_based(Self::Root(ratio_from_environment())),
            Some("always_on") => Self::Root(RootSampler::AlwaysOn),
            Some("always_off") => Self::Root(RootSampler::AlwaysOff),
            Some("traceidratio") => Self::Root(ratio_from_environment()),
            Some(other) => {
                environment::report_invalid(
                    "OTEL_TRACES_SAMPLER",
                    &format!("{:?}", other.chars().take(64).collect::<String>()),
                    "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                     parentbased_traceidratio",
                    "parentbased_always_on",
                );
                Self::parent_based(Self::Root(RootSampler::AlwaysOn))
            }
        }
    }
}

fn ratio_from_environment() -> RootSampler {
    const VARIABLE: &str = "OTEL_TRACES_SAMPLER_ARG";
    if environment::text(VARIABLE).is_none() {
        environment::report_invalid(VARIABLE, "not set", "a ratio from 0 to 1", "1.0");
    }
    let ratio = environment::parsed(VARIABLE, 1.0, "a ratio from 0 to 1", "1.0", |value| {
        value.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
    });
    RootSampler::TraceIdRatio(ratio)
}

/// As `Sampler.get_description` of the Python SDK.
impl std::fmt::Display for RootSampler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AlwaysOn => formatter.write_str("AlwaysOnSampler"),
            Self::AlwaysOff => formatter.write_str("AlwaysOffSampler"),
            Self::TraceIdRatio(ratio) => write!(formatter, "TraceIdRatioBased{{{}}}", float_repr(*ratio)),
        }
    }
}
