//! What the OTLP metric exporter prefers for a kind of instrument.
//!
//! The stock SDK maps its classes of instruments. They are told by their names, so that those of the API and of this
//! package do as well, and none needs to be imported.

use std::collections::HashMap;

use otel_rs_pipeline::diagnostics::{self, Level};
use otel_rs_pipeline::export::OtlpMetricArguments;
use otel_rs_pipeline::metrics::{Aggregation, InstrumentKind, Temporality};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The arguments of the stock exporter of those names. What cannot be used is reported and left out.
///
/// # Errors
///
/// `TypeError` for what is no mapping.
pub(super) fn extract(
    preferred_temporality: Option<&Bound<'_, PyAny>>,
    preferred_aggregation: Option<&Bound<'_, PyAny>>,
    max_export_batch_size: Option<i64>,
) -> PyResult<OtlpMetricArguments> {
    Ok(OtlpMetricArguments {
        temporality: by_kind("preferred_temporality", preferred_temporality, |_, value| temporality(value))?,
        aggregation: by_kind("preferred_aggregation", preferred_aggregation, aggregation)?,
        max_export_batch_size: max_export_batch_size
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size > 0),
    })
}

/// What a value stands for, or what was expected and what is used instead.
type Parsed<T> = Result<Option<T>, (&'static str, &'static str)>;

fn by_kind<T>(
    argument: &str,
    mapping: Option<&Bound<'_, PyAny>>,
    parse: impl Fn(InstrumentKind, &Bound<'_, PyAny>) -> Parsed<T>,
) -> PyResult<HashMap<InstrumentKind, T>> {
    let mut preferences = HashMap::new();
    let Some(mapping) = mapping else { return Ok(preferences) };
    let not_a_mapping = |_| PyTypeError::new_err(format!("{argument} must map classes of instruments"));
    let items = mapping.call_method0("items").map_err(not_a_mapping)?;
    for item in items.try_iter()? {
        let (class, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract().map_err(not_a_mapping)?;
        let Some(kind) = kind(&class) else {
            let expected = "a class of instruments (Counter, UpDownCounter, Histogram, ObservableCounter, …)";
            report(argument, "has the key", &class, expected, "it without that");
            continue;
        };
        match parse(kind, &value) {
            Ok(Some(value)) => drop(preferences.insert(kind, value)),
            Ok(None) => {}
            Err((expected, used)) => {
                let name = format!("of {} is", class_name(&class).unwrap_or_default());
                report(argument, &name, &value, expected, used);
            }
        }
    }
    Ok(preferences)
}

fn report(argument: &str, of: &str, value: &Bound<'_, PyAny>, expected: &str, used: &str) {
    let value: String = value.repr().map(|text| text.to_string_lossy().chars().take(100).collect()).unwrap_or_default();
    let message = format!("the argument {argument} {of} {value}; expected {expected}; using {used}");
    diagnostics::report_about(Level::Warning, "export.preferences", &message.clone(), message);
}

/// The kind of instrument that a class is of, or one that it inherits from.
fn kind(class: &Bound<'_, PyAny>) -> Option<InstrumentKind> {
    let class = class.cast::<PyType>().ok()?;
    class.mro().iter().find_map(|class| {
        Some(match class_name(&class)?.trim_start_matches('_') {
            "Counter" => InstrumentKind::Counter,
            "UpDownCounter" => InstrumentKind::UpDownCounter,
            "Histogram" => InstrumentKind::Histogram,
            "Gauge" => InstrumentKind::Gauge,
            "ObservableCounter" => InstrumentKind::ObservableCounter,
            "ObservableUpDownCounter" => InstrumentKind::ObservableUpDownCounter,
            "ObservableGauge" => InstrumentKind::ObservableGauge,
            _ => return None,
        })
    })
}

fn class_name(class: &Bound<'_, PyAny>) -> Option<String> {
    class.getattr("__name__").ok()?.extract().ok()
}

/// A member of an `AggregationTemporality`, told by its name.
fn temporality(value: &Bound<'_, PyAny>) -> Parsed<Temporality> {
    let name = match value.getattr("name") {
        Ok(name) => name.extract::<String>(),
        Err(_) => value.extract::<String>(),
    };
    match name.unwrap_or_default().to_ascii_uppercase().as_str() {
        "CUMULATIVE" => Ok(Some(Temporality::Cumulative)),
        "DELTA" => Ok(Some(Temporality::Delta)),
        _ => Err(("AggregationTemporality.DELTA or CUMULATIVE", "what the environment says")),
    }
}

/// An aggregation of the stock SDK or of this package, told by the name of its class.
fn aggregation(kind: InstrumentKind, value: &Bound<'_, PyAny>) -> Parsed<Aggregation> {
    const EXPECTED: &str = "ExplicitBucketHistogramAggregation or ExponentialBucketHistogramAggregation for a histogram, \
                            SumAggregation for a sum, LastValueAggregation for a gauge, DropAggregation or DefaultAggregation";
    let refused = Err((EXPECTED, "the default aggregation"));
    let Some(name) = class_name(value.get_type().as_any()) else { return refused };
    let is_histogram = kind == InstrumentKind::Histogram;
    let is_gauge = matches!(kind, InstrumentKind::Gauge | InstrumentKind::ObservableGauge);
    match name.as_str() {
        "DefaultAggregation" => Ok(None),
        "DropAggregation" => Ok(Some(Aggregation::Drop)),
        "SumAggregation" if !is_gauge => Ok(Some(Aggregation::Sum)),
        "LastValueAggregation" if is_gauge => Ok(None),
        "ExplicitBucketHistogramAggregation" if is_histogram => {
            let record_min_max = attribute(value, "_record_min_max").unwrap_or(true);
            match attribute::<Option<Vec<f64>>>(value, "_boundaries") {
                Some(Some(boundaries)) if is_valid(&boundaries) => {
                    Ok(Some(Aggregation::ExplicitBucketHistogram { boundaries, record_min_max }))
                }
                // Those that the instrument brings along, or the default ones.
                Some(None) if record_min_max => Ok(None),
                Some(None) => Err(("boundaries where record_min_max is False", "the default aggregation, with both")),
                _ => Err(("boundaries that are finite and ascend", "the default aggregation")),
            }
        }
        "ExponentialBucketHistogramAggregation" if is_histogram => Ok(Some(Aggregation::Base2ExponentialHistogram {
            max_size: attribute(value, "_max_size").unwrap_or(160),
            max_scale: attribute(value, "_max_scale").unwrap_or(20),
            record_min_max: attribute(value, "_record_min_max").unwrap_or(true),
        })),
        _ => refused,
    }
}

fn attribute<'py, T>(value: &Bound<'py, PyAny>, name: &str) -> Option<T>
where
    T: for<'a> FromPyObject<'a, 'py>,
{
    value.getattr(name).ok()?.extract().ok()
}

fn is_valid(boundaries: &[f64]) -> bool {
    boundaries.iter().all(|boundary| boundary.is_finite()) && boundaries.is_sorted_by(|one, next| one < next)
}
