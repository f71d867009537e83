//! Why an export failed, and whether it is worth another attempt.

use std::time::Duration;

/// An export that failed.
#[derive(Debug)]
pub struct Failure<T> {
    /// A sentence for the log, without secrets.
    pub message: String,
    /// How many of the items have arrived all the same.
    pub delivered: usize,
    /// What of the others to try again; `None` if that would not help. What is neither is lost.
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
        Self { message, delivered: 0, retry: None }
    }
}

/// Why one attempt to send something failed, where the caller still has what was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct ExportError {
    /// A sentence for the log, without secrets.
    pub message: String,
    /// Whether another attempt may help, and after how long the collector wants it.
    pub retry: Option<Option<Duration>>,
}

impl From<String> for ExportError {
    /// A failure for good.
    fn from(message: String) -> Self {
        Self { message, retry: None }
    }
}
