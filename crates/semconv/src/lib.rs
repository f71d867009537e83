#![doc = include_str!("../README.md")]

pub mod http;
mod python_text;
mod stability;

pub use python_text::{python_int, python_strip};
pub use stability::{Convention, Stability};
