//! The function table and the structures that its functions take.

use std::ffi::c_void;

use crate::{KeyValue, Str};

/// A Python object (`PyObject *`).
pub type PyObjectPtr = *mut c_void;

/// An owned reference to an object of the SDK: a provider, tracer, meter, instrument or bound instrument.
pub type Handle = *mut c_void;

/// What a function of the table answers.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Status {
    /// Done; the out parameter is written.
    Ok = 0,
    /// Not done: a panic was caught or an argument was not what the function takes. It has been counted and logged.
    Failed = -1,
    /// Done as by `Ok`, and Python code that was called has raised what no instrumentation may swallow (an exit, an
    /// interrupt): it is set as the thread's Python exception, which the caller takes and raises when it is done.
    Interrupted = 1,
}

/// Span kind, numbered as `opentelemetry.trace.SpanKind`.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpanKind {
    /// `SpanKind.INTERNAL`
    Internal = 0,
    /// `SpanKind.SERVER`
    Server = 1,
    /// `SpanKind.CLIENT`
    Client = 2,
    /// `SpanKind.PRODUCER`
    Producer = 3,
    /// `SpanKind.CONSUMER`
    Consumer = 4,
}

/// Span status, numbered as `opentelemetry.trace.StatusCode`.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusCode {
    /// `StatusCode.UNSET`
    Unset = 0,
    /// `StatusCode.OK`
    Ok = 1,
    /// `StatusCode.ERROR`
    Error = 2,
}

/// An instrumentation scope. An empty string stands for an absent one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScopeDef<'a> {
    /// Name of the instrumentation scope.
    pub name: Str<'a>,
    /// Version of the instrumentation scope.
    pub version: Str<'a>,
    /// Schema URL of what the scope emits.
    pub schema_url: Str<'a>,
}

/// A parent that arrived from another process (W3C Trace Context, section 3).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RemoteParent<'a> {
    /// Trace id, big-endian.
    pub trace_id: [u8; 16],
    /// Span id, big-endian.
    pub span_id: [u8; 8],
    /// Trace flags.
    pub trace_flags: u8,
    /// The `tracestate` header, already validated; empty if there was none.
    pub trace_state: Str<'a>,
}

/// What `Table::span_start` takes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SpanStart<'a> {
    /// Span name.
    pub name: Str<'a>,
    /// Span kind.
    pub kind: SpanKind,
    /// Start, nanoseconds since the Unix epoch; 0 for now.
    pub start_time_ns: u64,
    /// The remote parent, or null. It wins over `parent_span`.
    pub remote_parent: *const RemoteParent<'a>,
    /// The parent as a Python `opentelemetry.trace.Span` (of any SDK), or null for a root span. Borrowed.
    pub parent_span: PyObjectPtr,
    /// The parent `Context` that Python samplers and span processors are shown, or null for the current one. Borrowed.
    pub parent_context: PyObjectPtr,
    /// The attributes, there before the sampler is asked.
    pub attributes: *const KeyValue<'a>,
    /// Their count.
    pub attributes_len: usize,
}

/// What `Table::span_start` gives.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SpanOut {
    /// The span, a new reference to an `otel_rs_sdk.Span`.
    pub span: PyObjectPtr,
    /// `Span.is_recording()` of the new span.
    pub is_recording: bool,
}

/// What kind of instrument, and of which number.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstrumentKind {
    /// A counter.
    Counter = 0,
    /// An up-down counter.
    UpDownCounter = 1,
    /// A histogram.
    Histogram = 2,
}

/// An instrument's definition. Values cross the boundary as doubles; an integer instrument rounds towards zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct InstrumentDef<'a> {
    /// Kind of the instrument.
    pub kind: InstrumentKind,
    /// Whether it aggregates integers: its points then are `as_int`, and its histogram sum a whole number.
    pub integer: bool,
    /// Name.
    pub name: Str<'a>,
    /// Unit (UCUM).
    pub unit: Str<'a>,
    /// Description.
    pub description: Str<'a>,
    /// Bucket boundaries that the instrument advises, or null for the SDK's default. Histograms only.
    pub boundaries: *const f64,
    /// Their count.
    pub boundaries_len: usize,
}

/// The functions that the SDK offers. `size` and `version` come first and never move.
#[repr(C)]
pub struct Table {
    /// `size_of::<Table>()` of the SDK.
    pub size: usize,
    /// [`crate::VERSION`] of the SDK.
    pub version: u32,

    /// Takes one more reference to a tracer provider or meter provider.
    pub provider_retain: unsafe extern "C" fn(provider: Handle) -> Status,
    /// Gives one reference back.
    pub provider_release: unsafe extern "C" fn(provider: Handle),

    /// The tracer of a tracer provider for a scope.
    pub tracer_get: unsafe extern "C" fn(provider: Handle, scope: *const ScopeDef<'_>, tracer: *mut Handle) -> Status,
    /// Gives a tracer back.
    pub tracer_release: unsafe extern "C" fn(tracer: Handle),
    /// Starts a span.
    pub span_start: unsafe extern "C" fn(tracer: Handle, start: *const SpanStart<'_>, out: *mut SpanOut) -> Status,
    /// Sets attributes; the last write of a key wins.
    pub span_set_attributes:
        unsafe extern "C" fn(span: PyObjectPtr, attributes: *const KeyValue<'_>, len: usize) -> Status,
    /// Sets the status with an optional (empty: absent) description, by the rules of `Span.set_status`.
    pub span_set_status:
        unsafe extern "C" fn(span: PyObjectPtr, code: StatusCode, description: *const Str<'_>) -> Status,
    /// Renames the span.
    pub span_update_name: unsafe extern "C" fn(span: PyObjectPtr, name: *const Str<'_>) -> Status,
    /// Adds an event at `time_ns` (nanoseconds since the Unix epoch; 0 for now).
    pub span_add_event: unsafe extern "C" fn(
        span: PyObjectPtr,
        name: *const Str<'_>,
        time_ns: u64,
        attributes: *const KeyValue<'_>,
        len: usize,
    ) -> Status,
    /// Ends the span at `time_ns` (nanoseconds since the Unix epoch; 0 for now). A second end does nothing.
    pub span_end: unsafe extern "C" fn(span: PyObjectPtr, time_ns: u64) -> Status,

    /// The meter of a meter provider for a scope.
    pub meter_get: unsafe extern "C" fn(provider: Handle, scope: *const ScopeDef<'_>, meter: *mut Handle) -> Status,
    /// Gives a meter back.
    pub meter_release: unsafe extern "C" fn(meter: Handle),
    /// Creates an instrument.
    pub instrument_create:
        unsafe extern "C" fn(meter: Handle, def: *const InstrumentDef<'_>, instrument: *mut Handle) -> Status,
    /// Gives an instrument back.
    pub instrument_release: unsafe extern "C" fn(instrument: Handle),
    /// Records a value (adds it, for counters) with attributes.
    pub instrument_record:
        unsafe extern "C" fn(instrument: Handle, value: f64, attributes: *const KeyValue<'_>, len: usize) -> Status,
    /// Binds an instrument to attributes, for repeated records with the same ones.
    pub instrument_bind: unsafe extern "C" fn(
        instrument: Handle,
        attributes: *const KeyValue<'_>,
        len: usize,
        bound: *mut Handle,
    ) -> Status,
    /// Gives a bound instrument back.
    pub bound_release: unsafe extern "C" fn(bound: Handle),
    /// Records a value (adds it, for counters) with the bound attributes. It follows its provider across a fork.
    pub bound_record: unsafe extern "C" fn(bound: Handle, value: f64) -> Status,
}

/// What the capsule points to. It lives as long as the capsule.
#[repr(C)]
pub struct Export {
    /// The SDK's functions; they live as long as the process.
    pub table: *const Table,
    /// The provider that was asked, borrowed: retain it before the capsule goes.
    pub provider: Handle,
}
