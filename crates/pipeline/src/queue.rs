//! A bounded queue, the thread that exports from it in batches, and the ways to wait for it. It knows no signal and no
//! protocol: spans are queued in it.
//!
//! What an export cannot deliver for the moment goes back to the front while there is room, and the next attempt waits a
//! little. A full queue drops its oldest items. What is lost is counted by cause, and a flush answers for it.

mod backoff;
mod batch_queue;
mod config;
mod drops;
mod failure;
mod pending;
mod state;
mod sync;
mod worker;

#[cfg(all(feature = "model", not(test)))]
compile_error!("the feature `model` is for the tests of `make model`");

#[cfg(feature = "model")]
#[cfg(test)]
mod model;
#[cfg(not(feature = "model"))]
#[cfg(test)]
mod tests;

pub(crate) use backoff::Backoff;
pub use config::{BatchConfig, ConfigError};
pub use drops::DropCounts;
pub(crate) use drops::{Drops, Lost, Signal};
pub use failure::{ExportError, Failure, Retry};
pub use pending::{Over, Pending, wait_until};

pub(crate) use batch_queue::BatchQueue;
pub(crate) use state::Batched;
pub(crate) use worker::{Sink, start};
