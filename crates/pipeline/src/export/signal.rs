//! The signals, and the environment variables of each (OpenTelemetry specification, OTLP Exporter, Configuration).

/// What is exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
}

/// The variables of one signal; in each pair the signal's own comes first and wins.
pub(crate) struct Variables {
    pub(crate) endpoint: [&'static str; 2],
    pub(crate) headers: [&'static str; 2],
    pub(crate) timeout: [&'static str; 2],
    pub(crate) compression: [&'static str; 2],
    pub(crate) protocol: [&'static str; 2],
    pub(crate) certificate: [&'static str; 2],
    pub(crate) client_key: [&'static str; 2],
    pub(crate) client_certificate: [&'static str; 2],
}

macro_rules! variables {
    ($signal:literal) => {
        Variables {
            endpoint: variables!($signal, "_ENDPOINT"),
            headers: variables!($signal, "_HEADERS"),
            timeout: variables!($signal, "_TIMEOUT"),
            compression: variables!($signal, "_COMPRESSION"),
            protocol: variables!($signal, "_PROTOCOL"),
            certificate: variables!($signal, "_CERTIFICATE"),
            client_key: variables!($signal, "_CLIENT_KEY"),
            client_certificate: variables!($signal, "_CLIENT_CERTIFICATE"),
        }
    };
    ($signal:literal, $setting:literal) => {
        [concat!("OTEL_EXPORTER_OTLP_", $signal, $setting), concat!("OTEL_EXPORTER_OTLP", $setting)]
    };
}

const TRACES: Variables = variables!("TRACES");
const METRICS: Variables = variables!("METRICS");

impl Signal {
    /// What the log calls the things of this signal.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "metrics",
        }
    }

    /// The path of this signal under a general endpoint.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }

    pub(crate) fn variables(self) -> &'static Variables {
        match self {
            Self::Traces => &TRACES,
            Self::Metrics => &METRICS,
        }
    }
}
