#![doc = include_str!("../README.md")]

pub mod attributes;
pub mod clock;
pub mod diagnostics;
pub mod environment;
pub mod export;
pub mod metrics;
pub mod process;
pub mod queue;
pub mod resource;
pub mod stack;
pub mod stdio;
pub mod trace;
