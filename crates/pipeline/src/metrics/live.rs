//! An SDK instrument behind one type, whatever its kind and number.

use opentelemetry::KeyValue;
use opentelemetry::metrics::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter, Gauge, Histogram, Meter, UpDownCounter,
};

use super::instrument::{InstrumentSpec, Kind};
use super::number::{Number, Numbers};

/// An instrument of one process.
pub(super) enum Live {
    CounterU64(Counter<u64>),
    CounterF64(Counter<f64>),
    UpDownI64(UpDownCounter<i64>),
    UpDownF64(UpDownCounter<f64>),
    HistogramU64(Histogram<u64>),
    HistogramF64(Histogram<f64>),
    GaugeI64(Gauge<i64>),
    GaugeF64(Gauge<f64>),
}

/// The same, bound to attributes.
pub(super) enum LiveBound {
    CounterU64(BoundCounter<u64>),
    CounterF64(BoundCounter<f64>),
    UpDownI64(BoundUpDownCounter<i64>),
    UpDownF64(BoundUpDownCounter<f64>),
    HistogramU64(BoundHistogram<u64>),
    HistogramF64(BoundHistogram<f64>),
    GaugeI64(BoundGauge<i64>),
    GaugeF64(BoundGauge<f64>),
}

macro_rules! build {
    ($builder:expr, $spec:expr) => {
        $builder.with_unit($spec.unit.clone()).with_description($spec.description.clone()).build()
    };
}

macro_rules! build_histogram {
    ($builder:expr, $spec:expr) => {{
        let builder = $builder.with_unit($spec.unit.clone()).with_description($spec.description.clone());
        match &$spec.boundaries {
            Some(boundaries) => builder.with_boundaries(boundaries.clone()).build(),
            None => builder.build(),
        }
    }};
}

impl Live {
    pub(super) fn new(meter: &Meter, spec: &InstrumentSpec) -> Self {
        let name = spec.name.clone();
        match (spec.kind, spec.numbers) {
            (Kind::Counter, Numbers::Integer) => Self::CounterU64(build!(meter.u64_counter(name), spec)),
            (Kind::Counter, _) => Self::CounterF64(build!(meter.f64_counter(name), spec)),
            (Kind::UpDownCounter, Numbers::Integer) => Self::UpDownI64(build!(meter.i64_up_down_counter(name), spec)),
            (Kind::UpDownCounter, _) => Self::UpDownF64(build!(meter.f64_up_down_counter(name), spec)),
            (Kind::Histogram, Numbers::Integer) => {
                Self::HistogramU64(build_histogram!(meter.u64_histogram(name), spec))
            }
            (Kind::Histogram, _) => Self::HistogramF64(build_histogram!(meter.f64_histogram(name), spec)),
            (Kind::Gauge, Numbers::Integer) => Self::GaugeI64(build!(meter.i64_gauge(name), spec)),
            (Kind::Gauge, _) => Self::GaugeF64(build!(meter.f64_gauge(name), spec)),
        }
    }

    pub(super) fn bind(&self, attributes: &[KeyValue]) -> LiveBound {
        match self {
            Self::CounterU64(counter) => LiveBound::CounterU64(counter.bind(attributes)),
            Self::CounterF64(counter) => LiveBound::CounterF64(counter.bind(attributes)),
            Self::UpDownI64(counter) => LiveBound::UpDownI64(counter.bind(attributes)),
            Self::UpDownF64(counter) => LiveBound::UpDownF64(counter.bind(attributes)),
            Self::HistogramU64(histogram) => LiveBound::HistogramU64(histogram.bind(attributes)),
            Self::HistogramF64(histogram) => LiveBound::HistogramF64(histogram.bind(attributes)),
            Self::GaugeI64(gauge) => LiveBound::GaugeI64(gauge.bind(attributes)),
            Self::GaugeF64(gauge) => LiveBound::GaugeF64(gauge.bind(attributes)),
        }
    }

    /// `value` is finite, and not negative where the kind forbids it.
    pub(super) fn record(&self, value: Number, attributes: &[KeyValue]) {
        match self {
            Self::CounterU64(counter) => counter.add(unsigned(value), attributes),
            Self::CounterF64(counter) => counter.add(value.as_f64(), attributes),
            Self::UpDownI64(counter) => counter.add(signed(value), attributes),
            Self::UpDownF64(counter) => counter.add(value.as_f64(), attributes),
            Self::HistogramU64(histogram) => histogram.record(unsigned(value), attributes),
            Self::HistogramF64(histogram) => histogram.record(value.as_f64(), attributes),
            Self::GaugeI64(gauge) => gauge.record(signed(value), attributes),
            Self::GaugeF64(gauge) => gauge.record(value.as_f64(), attributes),
        }
    }
}

impl LiveBound {
    /// As [`Live::record`].
    pub(super) fn record(&self, value: Number) {
        match self {
            Self::CounterU64(counter) => counter.add(unsigned(value)),
            Self::CounterF64(counter) => counter.add(value.as_f64()),
            Self::UpDownI64(counter) => counter.add(signed(value)),
            Self::UpDownF64(counter) => counter.add(value.as_f64()),
            Self::HistogramU64(histogram) => histogram.record(unsigned(value)),
            Self::HistogramF64(histogram) => histogram.record(value.as_f64()),
            Self::GaugeI64(gauge) => gauge.record(signed(value)),
            Self::GaugeF64(gauge) => gauge.record(value.as_f64()),
        }
    }
}

fn unsigned(value: Number) -> u64 {
    match value {
        Number::I64(value) => u64::try_from(value).unwrap_or_default(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates; fractions are cut off")]
        Number::F64(value) => value as u64,
    }
}

fn signed(value: Number) -> i64 {
    match value {
        Number::I64(value) => value,
        #[expect(clippy::cast_possible_truncation, reason = "saturates; fractions are cut off")]
        Number::F64(value) => value as i64,
    }
}
