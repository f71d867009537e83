//! Definitions of the instruments, one table for each plugin.

use opentelemetry_semantic_conventions::metric::{HTTP_SERVER_ACTIVE_REQUESTS, HTTP_SERVER_REQUEST_DURATION};
use otel_rs_abi::InstrumentKind;

use crate::{Instrument, Stability};

/// Semantic conventions 1.11.0; the crate of the conventions no longer has it.
const HTTP_SERVER_DURATION: &str = "http.server.duration";

/// Seconds. Semantic conventions 1.21.0, metric `http.server.request.duration`.
const DURATION_BOUNDARIES: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The instruments of a server instrumentation in one mode.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServerInstruments {
    /// Requests in flight.
    pub active_requests: &'static Instrument,
    /// Duration of the old convention, whole milliseconds.
    pub duration_old: Option<&'static Instrument>,
    /// Duration of the stable convention, seconds.
    pub duration_new: Option<&'static Instrument>,
}

/// The instruments of Flask.
pub const fn flask(stability: Stability) -> ServerInstruments {
    let active_requests = if stability.reports_new() { &ACTIVE_REQUESTS } else { &FLASK_ACTIVE_REQUESTS_OLD };
    server(stability, active_requests)
}

/// The instruments of the WSGI middleware.
pub const fn wsgi(stability: Stability) -> ServerInstruments {
    server(stability, &ACTIVE_REQUESTS)
}

const fn server(stability: Stability, active_requests: &'static Instrument) -> ServerInstruments {
    ServerInstruments {
        active_requests,
        duration_old: if stability.reports_old() { Some(&DURATION_OLD) } else { None },
        duration_new: if stability.reports_new() { Some(&DURATION_NEW) } else { None },
    }
}

static ACTIVE_REQUESTS: Instrument = Instrument {
    kind: InstrumentKind::UpDownCounter,
    integer: true,
    name: HTTP_SERVER_ACTIVE_REQUESTS,
    unit: "{request}",
    description: "Number of active HTTP server requests.",
    boundaries: &[],
};

/// The Python instrumentation of Flask differs here from that of WSGI, and its test suite pins it.
static FLASK_ACTIVE_REQUESTS_OLD: Instrument = Instrument {
    unit: "requests",
    description: "Measures the number of concurrent HTTP requests that are currently in-flight.",
    ..ACTIVE_REQUESTS
};

static DURATION_OLD: Instrument = Instrument {
    kind: InstrumentKind::Histogram,
    integer: true,
    name: HTTP_SERVER_DURATION,
    unit: "ms",
    description: "Measures the duration of inbound HTTP requests.",
    boundaries: &[],
};

static DURATION_NEW: Instrument = Instrument {
    kind: InstrumentKind::Histogram,
    integer: false,
    name: HTTP_SERVER_REQUEST_DURATION,
    unit: "s",
    description: "Duration of HTTP server requests.",
    boundaries: &DURATION_BOUNDARIES,
};
