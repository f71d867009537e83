//! Instruments of the native SDK, bound to their attributes through a bounded cache.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use otel_rs_abi::{KeyValue, Status, Table};
use otel_rs_semconv::Instrument as Definition;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rustc_hash::FxBuildHasher;

use super::attributes::OwnedAttributes;
use crate::native::{NativeProvider, Owned};
use crate::provider::Scope;

/// How many attribute sets stay bound. `http.host` is the client's to choose, so the cache is bounded: when it is full
/// it is emptied, and the sets in use bind again.
const BOUND_LIMIT: usize = 512;

pub(super) struct NativeInstrument {
    table: &'static Table,
    bound: Mutex<HashMap<u64, (OwnedAttributes, Owned), FxBuildHasher>>,
    instrument: Owned,
    _meter: Owned,
    _provider: NativeProvider,
}

impl NativeInstrument {
    pub(super) fn new(provider: NativeProvider, scope: Scope, definition: &'static Definition) -> PyResult<Self> {
        let table = provider.table();
        let scope = scope.to_abi();
        let definition = definition.definition();
        let refused = || PyRuntimeError::new_err("the native SDK gave no instrument");
        let meter = Owned::create(table.meter_release, |out| {
            // SAFETY: the provider is retained, the scope and the out parameter live through the call.
            unsafe { (table.meter_get)(provider.handle(), &raw const scope, out) }
        })
        .ok_or_else(refused)?;
        let instrument = Owned::create(table.instrument_release, |out| {
            // SAFETY: the meter is owned, the definition and the out parameter live through the call.
            unsafe { (table.instrument_create)(meter.handle(), &raw const definition, out) }
        })
        .ok_or_else(refused)?;
        Ok(Self { table, bound: Mutex::default(), instrument, _meter: meter, _provider: provider })
    }

    /// No Python code runs in here, so the lock is held through the record.
    pub(super) fn record(&self, value: f64, attributes: &[KeyValue<'_>]) {
        let hash = hash(attributes);
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((owned, handle)) = bound.get(&hash) {
            if owned.matches(attributes) {
                // SAFETY: the bound instrument is owned by the cache entry, which the lock keeps in place.
                let _ = unsafe { (self.table.bound_record)(handle.handle(), value) };
                return;
            }
            // Two sets with one hash: the second is recorded without being bound.
            return self.record_unbound(value, attributes);
        }
        if bound.len() >= BOUND_LIMIT {
            bound.clear();
        }
        let handle = Owned::create(self.table.bound_release, |out| {
            // SAFETY: the instrument is owned, the attributes and the out parameter live through the call.
            unsafe {
                (self.table.instrument_bind)(self.instrument.handle(), attributes.as_ptr(), attributes.len(), out)
            }
        });
        match handle {
            Some(handle) => {
                // SAFETY: the bound instrument was just made and is owned.
                let _ = unsafe { (self.table.bound_record)(handle.handle(), value) };
                bound.insert(hash, (OwnedAttributes::new(attributes), handle));
            }
            None => self.record_unbound(value, attributes),
        }
    }

    fn record_unbound(&self, value: f64, attributes: &[KeyValue<'_>]) {
        // SAFETY: the instrument is owned and the attributes outlive the call.
        let status: Status = unsafe {
            (self.table.instrument_record)(self.instrument.handle(), value, attributes.as_ptr(), attributes.len())
        };
        // A refusal has been counted and logged by the SDK.
        let _ = status;
    }
}

fn hash(attributes: &[KeyValue<'_>]) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    for attribute in attributes {
        // A plugin's keys are static, so that the place in memory tells them apart.
        (attribute.key.as_str().as_ptr() as usize).hash(&mut hasher);
        if let Some(text) = attribute.value.as_str() {
            text.as_str().hash(&mut hasher);
        } else if let Some(number) = attribute.value.as_i64() {
            number.hash(&mut hasher);
        }
    }
    hasher.finish()
}
