//! Meters and instruments, which outlive forks.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;

use super::live::{Live, LiveBound};
use super::number::{Number, Numbers};
use super::pipeline::MeterPipeline;
use super::reader::Measured;
use crate::diagnostics::{self, Level};
use crate::process::{self, PerProcess};
use crate::trace::Scope;

/// What an instrument measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// A distribution of values that are not negative.
    Histogram,
    /// The last value.
    Gauge,
}

/// The definition of an instrument.
#[derive(Clone, PartialEq, Debug)]
pub struct InstrumentSpec {
    /// Kind.
    pub kind: Kind,
    /// What it aggregates.
    pub numbers: Numbers,
    /// Name, valid by [`InstrumentSpec::is_valid_name`].
    pub name: Cow<'static, str>,
    /// Unit.
    pub unit: Cow<'static, str>,
    /// Description.
    pub description: Cow<'static, str>,
    /// Bucket boundaries of a histogram, ascending; `None` for the SDK's own.
    pub boundaries: Option<Vec<f64>>,
}

impl InstrumentSpec {
    /// Whether a name is one that an instrument may have (OpenTelemetry specification, Metrics API, Instrument name
    /// syntax).
    pub fn is_valid_name(name: &str) -> bool {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
        name.len() <= 255 && name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(rest)
    }
}

/// A meter: where the instruments of one scope come from.
pub struct Meter {
    pipeline: Arc<MeterPipeline>,
    scope: Scope,
}

impl Meter {
    pub(super) fn new(pipeline: Arc<MeterPipeline>, scope: Scope) -> Self {
        Self { pipeline, scope }
    }

    /// An instrument. Instruments of one definition share their points. As in the Python SDK, its name is exported in
    /// lower case.
    pub fn instrument(self: &Arc<Self>, mut spec: InstrumentSpec) -> Arc<Instrument> {
        if spec.name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            spec.name = spec.name.to_ascii_lowercase().into();
        }
        if spec.boundaries.as_deref().is_some_and(|boundaries| !are_valid(boundaries)) {
            let message = format!(
                "the bucket boundaries of the histogram {:?} are not finite or do not ascend; the default ones are used",
                spec.name
            );
            diagnostics::report(Level::Warning, "metrics.boundaries", message);
            spec.boundaries = None;
        }
        let meter = Arc::clone(self);
        Arc::new(Instrument { meter, spec, live: PerProcess::new(), doubles_since: AtomicU64::new(0) })
    }
}

fn are_valid(boundaries: &[f64]) -> bool {
    boundaries.iter().all(|boundary| boundary.is_finite()) && boundaries.is_sorted_by(|one, next| one < next)
}

/// An instrument.
pub struct Instrument {
    meter: Arc<Meter>,
    spec: InstrumentSpec,
    live: PerProcess<Option<(Live, Arc<Measured>)>>,
    /// The process generation, plus one, whose exporters know that this instrument has recorded a float.
    doubles_since: AtomicU64,
}

impl Instrument {
    /// Records a value (adds it, for counters). One that is not finite, or negative where the kind forbids it, is
    /// reported and ignored.
    pub fn record(&self, value: Number, attributes: &[KeyValue]) {
        if self.accepts(value) {
            let Some((live, measured)) = self.live() else { return };
            live.record(value, attributes);
            self.note(measured);
        }
    }

    /// The instrument with attributes, for repeated records with the same ones.
    pub fn bind(self: &Arc<Self>, attributes: Vec<KeyValue>) -> Arc<BoundInstrument> {
        Arc::new(BoundInstrument { instrument: Arc::clone(self), attributes, live: PerProcess::new() })
    }

    /// The definition.
    pub fn spec(&self) -> &InstrumentSpec {
        &self.spec
    }

    /// The instrument of this process, `None` if nobody reads.
    fn live(&self) -> Option<&(Live, Arc<Measured>)> {
        let live = self.live.get_or_build(|| {
            let (meter, measured) = self.meter.pipeline.sdk_meter(&self.meter.scope)?;
            if self.spec.numbers == Numbers::Double {
                self.export_doubles();
            }
            Some((Live::new(&meter, &self.spec), measured))
        });
        live.as_ref()
    }

    /// After the measurement, so that a collection in between leaves at worst a note of nothing.
    fn note(&self, measured: &Measured) {
        if !measured.is_noted() {
            self.meter.pipeline.note_measurement();
        }
    }

    fn accepts(&self, value: Number) -> bool {
        let negative = match value {
            Number::I64(value) => value < 0,
            Number::F64(value) if !value.is_finite() => return self.refuse("is not finite"),
            Number::F64(value) => {
                if self.spec.numbers == Numbers::AsRecorded {
                    self.note_float();
                }
                value < 0.0
            }
        };
        if negative && matches!(self.spec.kind, Kind::Counter | Kind::Histogram) {
            return self.refuse("is negative");
        }
        true
    }

    fn refuse(&self, why: &str) -> bool {
        let message = format!("a value of the instrument {:?} {why}; it is ignored", self.spec.name);
        diagnostics::report(Level::Warning, "metrics.value", message);
        false
    }

    fn note_float(&self) {
        let generation = process::generation() + 1;
        if self.doubles_since.load(Ordering::Relaxed) != generation {
            self.export_doubles();
            self.doubles_since.store(generation, Ordering::Relaxed);
        }
    }

    fn export_doubles(&self) {
        self.meter.pipeline.doubles().insert(&self.meter.scope.name, &self.spec.name);
    }
}

/// An instrument with attributes.
pub struct BoundInstrument {
    instrument: Arc<Instrument>,
    attributes: Vec<KeyValue>,
    live: PerProcess<Option<(LiveBound, Arc<Measured>)>>,
}

impl BoundInstrument {
    /// As [`Instrument::record`], with the bound attributes.
    pub fn record(&self, value: Number) {
        if self.instrument.accepts(value) {
            let live = self.live.get_or_build(|| {
                let (live, measured) = self.instrument.live()?;
                Some((live.bind(&self.attributes), Arc::clone(measured)))
            });
            let Some((live, measured)) = live else { return };
            live.record(value);
            self.instrument.note(measured);
        }
    }
}
