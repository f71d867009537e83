//! Which HTTP convention is reported.

use crate::python_strip;

/// One version of the HTTP semantic conventions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Convention {
    /// Semantic conventions 1.11.0 to 1.20.0 (`http.method`, `net.host.name`, durations in ms).
    Old,
    /// The stable HTTP conventions, 1.21.0 (`http.request.method`, `server.address`, durations in s).
    New,
}

/// What `OTEL_SEMCONV_STABILITY_OPT_IN` asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Stability {
    /// The old convention alone, the default.
    #[default]
    Old,
    /// The stable convention alone: `http`.
    New,
    /// Both: `http/dup`.
    Dup,
}

impl Stability {
    /// Name of the environment variable.
    pub const VARIABLE: &'static str = "OTEL_SEMCONV_STABILITY_OPT_IN";

    /// Reads the value of [`Self::VARIABLE`], a comma-separated list. `http/dup` wins over `http`.
    pub fn from_opt_in(value: Option<&str>) -> Self {
        let asks_for = |name| value.is_some_and(|list| list.split(',').any(|item| python_strip(item) == name));
        if asks_for("http/dup") {
            Self::Dup
        } else if asks_for("http") {
            Self::New
        } else {
            Self::Old
        }
    }

    /// Whether the old convention is reported.
    pub const fn reports_old(self) -> bool {
        matches!(self, Self::Old | Self::Dup)
    }

    /// Whether the stable convention is reported.
    pub const fn reports_new(self) -> bool {
        matches!(self, Self::New | Self::Dup)
    }

    /// Schema URL of the instrumentation scope.
    pub const fn schema_url(self) -> &'static str {
        match self {
            Self::Old => "https://opentelemetry.io/schemas/1.11.0",
            Self::New | Self::Dup => "https://opentelemetry.io/schemas/1.21.0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_a_list_in_which_dup_wins() {
        for (value, expected) in [
            (None, Stability::Old),
            (Some(""), Stability::Old),
            (Some("http"), Stability::New),
            (Some("http/dup"), Stability::Dup),
            (Some("database, http ,http/dup"), Stability::Dup),
            (Some("gen_ai_latest_experimental,\thttp"), Stability::New),
            (Some("HTTP"), Stability::Old),
            (Some("http/dup2;http"), Stability::Old),
        ] {
            assert_eq!(Stability::from_opt_in(value), expected, "{value:?}");
        }
    }
}
