//! The meter functions of the ABI table.

use otel_rs_abi::{Handle, InstrumentDef, InstrumentKind, KeyValue, ScopeDef, Status};
use otel_rs_core::guard::guard_or;
use otel_rs_pipeline::metrics::{BoundInstrument, Instrument, InstrumentSpec, Kind, Meter, Number, Numbers};
use otel_rs_pipeline::trace::Scope;
use pyo3::prelude::*;

use super::attributes;
use crate::abi::attributes::slice;
use crate::abi::{Provider, borrow, into_handle, release, retained};
use crate::lifecycle::recorded;

/// # Safety
///
/// `provider` is a provider's handle; `scope` and `meter` are valid for the call.
pub(crate) unsafe extern "C" fn meter_get(provider: Handle, scope: *const ScopeDef<'_>, meter: *mut Handle) -> Status {
    guard_or("meter_get", Status::Failed, || {
        // SAFETY: guaranteed by the caller.
        let (provider, scope) = unsafe { (borrow::<Provider>(provider), scope.as_ref()) };
        let (Some(Provider::Meter(pipeline)), Some(scope)) = (provider, scope) else { return Status::Failed };
        let scope = Scope {
            name: attributes::text(scope.name),
            version: attributes::text(scope.version),
            schema_url: attributes::text(scope.schema_url),
            ..Scope::default()
        };
        // SAFETY: guaranteed by the caller.
        unsafe { give(meter, into_handle(pipeline.meter(scope))) }
    })
}

/// # Safety
///
/// `meter` came from [`meter_get`] and is not used again.
pub(crate) unsafe extern "C" fn meter_release(meter: Handle) {
    // SAFETY: guaranteed by the caller.
    guard_or("meter_release", (), || unsafe { release::<Meter>(meter) });
}

/// # Safety
///
/// `meter` came from [`meter_get`]; `def`, its boundaries and `instrument` are valid for the call.
pub(crate) unsafe extern "C" fn instrument_create(
    meter: Handle,
    def: *const InstrumentDef<'_>,
    instrument: *mut Handle,
) -> Status {
    guard_or("instrument_create", Status::Failed, || {
        // SAFETY: guaranteed by the caller.
        let (Some(meter), Some(def)) = (unsafe { retained::<Meter>(meter) }, unsafe { def.as_ref() }) else {
            return Status::Failed;
        };
        if !InstrumentSpec::is_valid_name(def.name.as_str()) {
            return Status::Failed;
        }
        // SAFETY: guaranteed by the caller.
        let boundaries = unsafe { slice(def.boundaries, def.boundaries_len) };
        let spec = InstrumentSpec {
            kind: match def.kind {
                InstrumentKind::Counter => Kind::Counter,
                InstrumentKind::UpDownCounter => Kind::UpDownCounter,
                InstrumentKind::Histogram => Kind::Histogram,
            },
            numbers: if def.integer { Numbers::Integer } else { Numbers::Double },
            name: attributes::text(def.name),
            unit: attributes::text(def.unit),
            description: attributes::text(def.description),
            boundaries: (!def.boundaries.is_null()).then(|| boundaries.to_vec()),
        };
        // SAFETY: guaranteed by the caller.
        unsafe { give(instrument, into_handle(meter.instrument(spec))) }
    })
}

/// # Safety
///
/// `instrument` came from [`instrument_create`] and is not used again.
pub(crate) unsafe extern "C" fn instrument_release(instrument: Handle) {
    // SAFETY: guaranteed by the caller.
    guard_or("instrument_release", (), || unsafe { release::<Instrument>(instrument) });
}

/// # Safety
///
/// `instrument` came from [`instrument_create`]; the attributes are valid for the call.
pub(crate) unsafe extern "C" fn instrument_record(
    instrument: Handle,
    value: f64,
    attributes: *const KeyValue<'_>,
    len: usize,
) -> Status {
    guard_or("instrument_record", Status::Failed, || {
        // SAFETY: guaranteed by the caller.
        let (instrument, attributes) = unsafe { (borrow::<Instrument>(instrument), slice(attributes, len)) };
        let Some(instrument) = instrument else { return Status::Failed };
        instrument.record(Number::F64(value), &attributes::from_abi(attributes));
        // SAFETY: the caller is attached to the interpreter, as for every function of the table.
        recorded(unsafe { Python::assume_attached() });
        Status::Ok
    })
}

/// # Safety
///
/// `instrument` came from [`instrument_create`]; the attributes and `bound` are valid for the call.
pub(crate) unsafe extern "C" fn instrument_bind(
    instrument: Handle,
    attributes: *const KeyValue<'_>,
    len: usize,
    bound: *mut Handle,
) -> Status {
    guard_or("instrument_bind", Status::Failed, || {
        // SAFETY: guaranteed by the caller.
        let (instrument, attributes) = unsafe { (retained::<Instrument>(instrument), slice(attributes, len)) };
        let Some(instrument) = instrument else { return Status::Failed };
        // SAFETY: guaranteed by the caller.
        unsafe { give(bound, into_handle(instrument.bind(attributes::from_abi(attributes)))) }
    })
}

/// # Safety
///
/// `bound` came from [`instrument_bind`] and is not used again.
pub(crate) unsafe extern "C" fn bound_release(bound: Handle) {
    // SAFETY: guaranteed by the caller.
    guard_or("bound_release", (), || unsafe { release::<BoundInstrument>(bound) });
}

/// # Safety
///
/// `bound` came from [`instrument_bind`].
pub(crate) unsafe extern "C" fn bound_record(bound: Handle, value: f64) -> Status {
    guard_or("bound_record", Status::Failed, || {
        // SAFETY: guaranteed by the caller.
        let Some(bound) = (unsafe { borrow::<BoundInstrument>(bound) }) else { return Status::Failed };
        bound.record(Number::F64(value));
        // SAFETY: the caller is attached to the interpreter, as for every function of the table.
        recorded(unsafe { Python::assume_attached() });
        Status::Ok
    })
}

/// # Safety
///
/// `out` is valid for a write.
unsafe fn give(out: *mut Handle, handle: Handle) -> Status {
    // SAFETY: guaranteed by the caller.
    unsafe { out.write(handle) };
    Status::Ok
}
