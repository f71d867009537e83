//! The definition of an instrument.

use otel_rs_abi::{InstrumentDef, InstrumentKind, Str};

/// An instrument.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Instrument {
    /// Kind.
    pub kind: InstrumentKind,
    /// Whether it aggregates integers.
    pub integer: bool,
    /// Name.
    pub name: &'static str,
    /// Unit (UCUM).
    pub unit: &'static str,
    /// Description.
    pub description: &'static str,
    /// Bucket boundaries that it advises; empty for the default of the SDK.
    pub boundaries: &'static [f64],
}

impl Instrument {
    /// The definition as the SDK takes it.
    pub const fn definition(&self) -> InstrumentDef<'static> {
        InstrumentDef {
            kind: self.kind,
            integer: self.integer,
            name: Str::from_static(self.name),
            unit: Str::from_static(self.unit),
            description: Str::from_static(self.description),
            boundaries: if self.boundaries.is_empty() { std::ptr::null() } else { self.boundaries.as_ptr() },
            boundaries_len: self.boundaries.len(),
        }
    }
}
