#![doc = include_str!("../README.md")]

// What `#[guarded]` expands to names this crate.
extern crate self as otel_rs_core;

mod attributes;
pub mod coexistence;
pub mod context;
pub mod coroutine;
pub mod environment;
pub mod function;
pub mod guard;
pub mod http;
pub mod interpreter;
pub mod log;
pub mod metrics;
mod module_global;
mod native;
pub mod once;
pub mod patch;
pub mod plugin;
pub mod propagation;
mod provider;
pub mod stack;
pub mod stand_in;
pub mod text;
pub mod trace;

// What `plugin_module!` expands to.
#[doc(hidden)]
pub use {inventory, pyo3};

pub use provider::Scope;
