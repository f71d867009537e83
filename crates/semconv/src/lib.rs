#![doc = include_str!("../README.md")]

pub mod http;
mod instrument;
mod python_text;
mod stability;

pub use instrument::Instrument;
pub use python_text::{python_int, python_strip};
pub use stability::{Convention, Stability};
