//! Logging to Python's `logging`, from threads that are attached to the interpreter only.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;

use crate::guard::{self, Swallow};

/// Severity, by the method of `logging.Logger` that it calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// `Logger.debug`
    Debug,
    /// `Logger.info`
    Info,
    /// `Logger.warning`
    Warning,
    /// `Logger.error`
    Error,
}

impl Level {
    fn method(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

static LOGGER_NAME: OnceLock<&'static str> = OnceLock::new();
static LOGGED: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// Names the logger of this library (its Python package). Called once, when the native module is imported.
pub fn set_logger_name(name: &'static str) {
    LOGGER_NAME.get_or_init(|| name);
}

/// How every line of ours begins: also on standard error, where no logger's name stands before it.
const PREFIX: &str = "otel-rs: %s";

/// Logs one line, which begins with `otel-rs:`. What goes wrong in `logging` itself (a handler that raises) is swallowed;
/// an exception that is being handled by the caller stays as it is.
pub fn log(py: Python<'_>, level: Level, message: &str) {
    let name = LOGGER_NAME.get().copied().unwrap_or("otel_rs");
    let pending = PyErr::take(py);
    let logged = py
        .import("logging")
        .and_then(|logging| logging.call_method1("getLogger", (name,)))
        .and_then(|logger| logger.call_method1(level.method(), (PREFIX, one_line(message).as_ref())));
    logged.swallow(py);
    if let Some(error) = pending {
        error.restore(py);
    }
}

/// Logs one line per `kind` for the life of the process; later ones of the kind are dropped.
pub fn log_once(py: Python<'_>, level: Level, kind: &str, message: &str) {
    if is_first(kind) {
        log(py, level, message);
    }
}

fn is_first(kind: &str) -> bool {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    logged.get_or_insert_with(HashSet::new).insert(kind.to_owned())
}

/// [`log_once`] of an exception that came out of Python code: `message: Type: text`. What is no `Exception` is not
/// logged, it goes on to the application ([`guard::pass_on`]).
pub fn raised_once(py: Python<'_>, level: Level, kind: &str, error: &PyErr, message: &str) {
    if !guard::pass_on(py, error) && is_first(kind) {
        log(py, level, &format!("{message}: {}", described(py, error)));
    }
}

/// The type of an exception and its text, where it has one.
pub fn described(py: Python<'_>, error: &PyErr) -> String {
    let name = error.get_type(py).qualname().swallow(py);
    let text = error.value(py).str().swallow(py);
    let name = name.as_ref().map_or("Exception".into(), |name| name.to_string_lossy());
    match text.as_ref().map(|text| text.to_string_lossy()) {
        Some(text) if text.is_empty() => name.into_owned(),
        Some(text) => format!("{name}: {text}"),
        None => format!("{name}, which has no text"),
    }
}

/// [`log_once`] at [`Level::Error`].
pub fn error_once(py: Python<'_>, kind: &str, message: &str) {
    log_once(py, Level::Error, kind, message);
}

/// [`log_once`] at [`Level::Warning`].
pub fn warning_once(py: Python<'_>, kind: &str, message: &str) {
    log_once(py, Level::Warning, kind, message);
}

/// A message as one line of bounded length, whatever it quotes.
fn one_line(message: &str) -> Cow<'_, str> {
    /// More than diagnostics of export threads may have.
    const MAX_CHARS: usize = 1100;
    let cut = message.char_indices().nth(MAX_CHARS).map(|(end, _)| &message[..end]);
    let shown = cut.unwrap_or(message);
    if cut.is_none() && !shown.contains(char::is_control) {
        return Cow::Borrowed(message);
    }
    let mut line = String::with_capacity(shown.len() + 8);
    for character in shown.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    if cut.is_some() {
        line.push('…');
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_begin_a_line() {
        assert_eq!(one_line("is 'a\nb\u{1b}[31m'"), "is 'a\\nb\\u{1b}[31m'");
        assert_eq!(one_line("é"), "é");
        assert_eq!(one_line(&"é".repeat(5000)).chars().count(), 1101);
    }
}
