//! Whether a provider's sampler may replace the attributes that a span is started with.

use pyo3::prelude::*;

/// What the descriptions of the samplers of the specification are made of, besides numbers.
const WORDS: [&str; 9] = [
    "ParentBased",
    "root",
    "remoteParentSampled",
    "remoteParentNotSampled",
    "localParentSampled",
    "localParentNotSampled",
    "AlwaysOnSampler",
    "AlwaysOffSampler",
    "TraceIdRatioBased",
];

/// Whether the sampler is one of those of the specification, which give attributes back as they are. Another one's are
/// those that the span gets: none at all, often.
///
/// # Errors
///
/// What the provider or the sampler raises; a provider of a vendor may have no `sampler`.
pub(super) fn is_of_the_specification(provider: &Bound<'_, PyAny>) -> PyResult<bool> {
    let sampler = provider.getattr("sampler")?;
    let module: String = sampler.get_type().getattr("__module__")?.extract()?;
    if module != "opentelemetry.sdk.trace.sampling" && module.split('.').next() != Some("otel_rs_sdk") {
        return Ok(false);
    }
    let description: String = sampler.call_method0("get_description")?.extract()?;
    let mut words = description.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    Ok(words.all(|word| word.starts_with(|first: char| first.is_ascii_digit()) || WORDS.contains(&word)))
}
