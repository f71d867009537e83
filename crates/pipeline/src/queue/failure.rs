//! Why an export failed, and whether it is worth another attempt.

use std::time::Duration;

/// An export that failed.
#[derive(Debug)]
pub struct Failure<T> {
    /// A sentence for the log, without secrets.
    pub message: String,
    /// What to try again; `None` if that would not help, and the items are lost.
    pub retry: Option<Retry<T>>,
}

/// What to try again.
#[derive(Debug)]
pub struct Retry<T> {
    /// The items, oldest first, in whatever form is best kept.
    pub items: Vec<T>,
    /// How long the collector asks to wait.
    pub after: Option<Duration>,
}

impl<T> From<String> for Failure<T> {
    /// A failure for good.
    fn from(message: String) -> Self {
        Self { message, retry: None }
    }
}
