//! The native ABI: the function table, and the capsule that a provider hands out.

pub mod attributes;
mod handle;
mod trace;

pub use handle::{Provider, borrow, export_capsule, into_handle, release, retained};

use otel_rs_abi::{Table, VERSION};

use crate::metrics::abi as metrics;

static TABLE: Table = Table {
    size: size_of::<Table>(),
    version: VERSION,
    provider_retain: handle::provider_retain,
    provider_release: handle::provider_release,
    tracer_get: trace::tracer_get,
    tracer_release: trace::tracer_release,
    span_start: trace::span_start,
    span_set_attributes: trace::span_set_attributes,
    span_set_status: trace::span_set_status,
    span_update_name: trace::span_update_name,
    span_add_event: trace::span_add_event,
    span_end: trace::span_end,
    meter_get: metrics::meter_get,
    meter_release: metrics::meter_release,
    instrument_create: metrics::instrument_create,
    instrument_release: metrics::instrument_release,
    instrument_record: metrics::instrument_record,
    instrument_bind: metrics::instrument_bind,
    bound_release: metrics::bound_release,
    bound_record: metrics::bound_record,
};
