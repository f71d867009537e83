//! Configuration from environment variables: a value, or the default and one line that says what was wrong.
//!
//! Every line names the variable, what it held, what was expected and what is used instead. Values that carry secrets
//! (headers, credentials in a URL) are redacted.

use std::env::{self, VarError};
use std::time::Duration;

use crate::diagnostics::{self, Level};

/// The value of a variable; unset, empty and blank are the same (OpenTelemetry specification, Environment variables).
pub fn text(name: &'static str) -> Option<String> {
    match env::var(name) {
        Ok(value) if value.trim().is_empty() => None,
        Ok(value) => Some(value),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => {
            report_invalid(name, "bytes that are not UTF-8", "text in UTF-8", "nothing: the variable is ignored");
            None
        }
    }
}

/// The first of the named variables that is set, with its name: the one of a signal comes before the general one.
pub fn first_of(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|name| text(name).map(|value| (*name, value)))
}

/// A parsed value. `expected` and `used` are for the line that a value which does not parse is answered with.
pub fn parsed<T>(
    name: &'static str,
    default: T,
    expected: &str,
    used: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> T {
    match text(name) {
        None => default,
        Some(value) => parse(value.trim()).unwrap_or_else(|| {
            report_invalid(name, &quoted(&value), expected, used);
            default
        }),
    }
}

/// A duration in milliseconds, more than zero.
pub fn millis(name: &'static str, default: Duration) -> Duration {
    let used = format!("{} ms", default.as_millis());
    parsed(name, default, "a number of milliseconds above 0", &used, |value| positive(value, 1e-3))
}

/// A count, more than zero.
pub fn count(name: &'static str, default: usize) -> usize {
    parsed(name, default, "a whole number above 0", &default.to_string(), |value| {
        value.parse().ok().filter(|count| *count > 0)
    })
}

/// A boolean: `true` in any case, or `false` (OpenTelemetry specification, Environment variables, Boolean).
pub fn boolean(name: &'static str) -> bool {
    parsed(name, false, "true or false", "false", |value| match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })
}

/// A duration from a number of units, each of `unit` seconds, if it is above zero and within what a clock can count.
pub(crate) fn positive(value: &str, unit: f64) -> Option<Duration> {
    let seconds = value.parse::<f64>().ok()? * unit;
    // A year: `Instant` arithmetic with anything longer could overflow.
    (seconds > 0.0 && seconds <= 31_536_000.0).then(|| Duration::from_secs_f64(seconds))
}

/// Reports a variable whose value cannot be used. `value` must hold no secret.
pub fn report_invalid(name: &'static str, value: &str, expected: &str, used: &str) {
    diagnostics::report(Level::Warning, name, format!("{name} is {value}; expected {expected}; using {used}"));
}

/// A value between quotes, cut to a length that fits a log line.
pub(crate) fn quoted(value: &str) -> String {
    const MAX_CHARS: usize = 200;
    let cut: String = value.chars().take(MAX_CHARS).collect();
    if cut.len() < value.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

/// A URL without its credentials, query and fragment.
pub fn redact_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (url, tail) = (&url[..end], if end < url.len() { "?…" } else { "" });
    let start = url.find("://").map_or(0, |at| at + 3);
    let authority_end = url[start..].find('/').map_or(url.len(), |at| start + at);
    match url[start..authority_end].rfind('@') {
        Some(at) => format!("{}…@{}{tail}", &url[..start], &url[start + at + 1..]),
        None => format!("{url}{tail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::tests::lines;

    /// SAFETY of `set_var` in these tests: each touches variables of its own and no C code of this process reads any.
    fn set(name: &str, value: &str) {
        // SAFETY: see above.
        unsafe { env::set_var(name, value) }
    }

    #[test]
    fn a_malformed_number_is_answered_with_the_default_and_one_line() {
        set("TEST_EXPORT_DELAY", "soon");
        assert_eq!(millis("TEST_EXPORT_DELAY", Duration::from_secs(5)), Duration::from_secs(5));
        assert_eq!(
            lines("TEST_EXPORT_DELAY"),
            [r#"TEST_EXPORT_DELAY is "soon"; expected a number of milliseconds above 0; using 5000 ms"#]
        );
    }

    #[test]
    fn blank_is_unset() {
        set("TEST_BLANK", "  ");
        assert_eq!(text("TEST_BLANK"), None);
        assert_eq!(count("TEST_BLANK", 7), 7);
        assert!(lines("TEST_BLANK").is_empty());
    }

    #[test]
    fn numbers_are_taken_within_reason_only() {
        assert_eq!(positive("1500", 1e-3), Some(Duration::from_millis(1500)));
        for value in ["0", "-1", "nan", "inf", "1e300", "ten"] {
            assert_eq!(positive(value, 1.0), None, "{value}");
        }
    }

    #[test]
    fn the_signal_comes_before_the_general_variable() {
        set("TEST_GENERAL", "general");
        assert_eq!(first_of(&["TEST_SIGNAL", "TEST_GENERAL"]), Some(("TEST_GENERAL", "general".to_owned())));
        set("TEST_SIGNAL", "signal");
        assert_eq!(first_of(&["TEST_SIGNAL", "TEST_GENERAL"]), Some(("TEST_SIGNAL", "signal".to_owned())));
    }

    #[test]
    fn urls_lose_their_secrets() {
        assert_eq!(redact_url("http://user:pass@host:1/path?key=1"), "http://…@host:1/path?…");
        assert_eq!(redact_url("http://host/a@b"), "http://host/a@b");
        assert_eq!(redact_url("user:p@host"), "…@host");
    }
}
