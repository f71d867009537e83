//! Whole numbers and doubles. A Python instrument is neither: its points are `as_int` until a float is recorded.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::PerProcess;

/// A measured value, as Python gave it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// An `int`.
    I64(i64),
    /// A `float`.
    F64(f64),
}

impl Number {
    /// The value as a double.
    pub fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "OTLP has no wider type for a sum of both")]
            Self::I64(value) => value as f64,
            Self::F64(value) => value,
        }
    }
}

/// What an instrument aggregates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers {
    /// Whole numbers; a fraction is cut off.
    Integer,
    /// Doubles.
    Double,
    /// Doubles inside; whole numbers when exported, as long as no float was recorded.
    AsRecorded,
}

/// Which instruments of this process export doubles, by scope and name.
#[derive(Default)]
pub(crate) struct DoubleInstruments {
    names: PerProcess<Mutex<HashSet<(String, String)>>>,
}

impl DoubleInstruments {
    pub(crate) fn insert(&self, scope: &str, instrument: &str) {
        self.lock().insert((scope.to_owned(), instrument.to_owned()));
    }

    /// Whether the instrument's doubles are to be exported as such.
    pub(crate) fn contains(&self, scope: &str, instrument: &str) -> bool {
        self.lock().contains(&(scope.to_owned(), instrument.to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.names.get_or_build(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }
}
