//! The meter and instrument faces that plugins use, on the native SDK or any provider.

mod api;
mod attributes;
mod instrument;
mod native;

pub use instrument::{Instrument, Meter};
