#![doc = include_str!("../README.md")]

use std::ffi::CStr;

mod attributes;
mod table;

pub use attributes::{KeyValue, StackFrame, Str, Value, ValueTag};
pub use table::{
    Export, Handle, InstrumentDef, InstrumentKind, PyObjectPtr, RemoteParent, ScopeDef, SpanKind, SpanOut, SpanStart,
    Status, StatusCode, Table,
};

/// Name of the `PyCapsule` that `type(provider).__otel_rs_abi__(provider)` returns. Its pointer is a [`Export`].
pub const CAPSULE_NAME: &CStr = c"otel_rs.abi.v1";

/// Version of [`Table`]. A reader that finds another one falls back to the OpenTelemetry Python API.
pub const VERSION: u32 = 1;
