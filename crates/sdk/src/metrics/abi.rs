//! The meter functions of the ABI table.

use otel_rs_abi::{Handle, InstrumentDef, KeyValue, ScopeDef, Status};

pub(crate) unsafe extern "C" fn meter_get(_: Handle, _: *const ScopeDef<'_>, _: *mut Handle) -> Status {
    Status::Failed
}

pub(crate) unsafe extern "C" fn meter_release(_: Handle) {}

pub(crate) unsafe extern "C" fn instrument_create(_: Handle, _: *const InstrumentDef<'_>, _: *mut Handle) -> Status {
    Status::Failed
}

pub(crate) unsafe extern "C" fn instrument_release(_: Handle) {}

pub(crate) unsafe extern "C" fn instrument_record(_: Handle, _: f64, _: *const KeyValue<'_>, _: usize) -> Status {
    Status::Failed
}

pub(crate) unsafe extern "C" fn instrument_bind(
    _: Handle,
    _: *const KeyValue<'_>,
    _: usize,
    _: *mut Handle,
) -> Status {
    Status::Failed
}

pub(crate) unsafe extern "C" fn bound_release(_: Handle) {}

pub(crate) unsafe extern "C" fn bound_record(_: Handle, _: f64) -> Status {
    Status::Failed
}
