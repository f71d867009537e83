//! Definitions of the instruments. Names and units are those of the stock package; no convention has them.

use otel_rs_abi::InstrumentKind;
use otel_rs_semconv::Instrument;

/// How long a process took: a coroutine, a future or a function in a thread.
pub(crate) static PROCESS_DURATION: Instrument = Instrument {
    kind: InstrumentKind::Histogram,
    integer: false,
    name: "asyncio.process.duration",
    unit: "s",
    description: "Duration of asyncio process",
    boundaries: &[],
};

/// How many there were.
pub(crate) static PROCESS_CREATED: Instrument = Instrument {
    kind: InstrumentKind::Counter,
    integer: true,
    name: "asyncio.process.created",
    unit: "{process}",
    description: "Number of asyncio process",
    boundaries: &[],
};
