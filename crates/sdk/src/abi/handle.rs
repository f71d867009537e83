//! Handles: reference-counted objects of the SDK as the other side of the table holds them.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

use otel_rs_abi::{CAPSULE_NAME, Export, Handle, Status};
use otel_rs_core::guard;
use otel_rs_pipeline::metrics::MeterPipeline;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::TABLE;
use crate::trace::TracerProviderState;

/// What a provider handle points to.
pub enum Provider {
    /// A tracer provider.
    Tracer(Arc<TracerProviderState>),
    /// A meter provider.
    Meter(Arc<MeterPipeline>),
}

/// Gives out one reference as a handle.
pub fn into_handle<T>(object: Arc<T>) -> Handle {
    Arc::into_raw(object).cast_mut().cast()
}

/// What a handle points to, for as long as the caller's reference lasts.
///
/// # Safety
///
/// The handle is null or came from [`into_handle`] with the same `T` and has not been released.
pub unsafe fn borrow<'a, T>(handle: Handle) -> Option<&'a T> {
    // SAFETY: guaranteed by the caller.
    unsafe { handle.cast::<T>().cast_const().as_ref() }
}

/// A reference of one's own to what a handle points to.
///
/// # Safety
///
/// As [`borrow`].
pub unsafe fn retained<T>(handle: Handle) -> Option<Arc<T>> {
    if handle.is_null() {
        return None;
    }
    let pointer = handle.cast::<T>().cast_const();
    // SAFETY: the handle holds a reference, so the count is above zero; the one added here is the result's.
    unsafe {
        Arc::increment_strong_count(pointer);
        Some(Arc::from_raw(pointer))
    }
}

/// Takes one more reference.
///
/// # Safety
///
/// As [`borrow`].
pub unsafe fn retain<T>(handle: Handle) -> Status {
    if handle.is_null() {
        return Status::Failed;
    }
    // SAFETY: guaranteed by the caller.
    unsafe { Arc::increment_strong_count(handle.cast::<T>().cast_const()) };
    Status::Ok
}

/// Gives one reference back.
///
/// # Safety
///
/// As [`borrow`]; the handle is not used again by this owner.
pub unsafe fn release<T>(handle: Handle) {
    if !handle.is_null() {
        // SAFETY: guaranteed by the caller.
        unsafe { Arc::decrement_strong_count(handle.cast::<T>().cast_const()) };
    }
}

pub(super) unsafe extern "C" fn provider_retain(provider: Handle) -> Status {
    // SAFETY: a provider handle comes from `export_capsule`.
    guard::guard_or("provider_retain", Status::Failed, || unsafe { retain::<Provider>(provider) })
}

pub(super) unsafe extern "C" fn provider_release(provider: Handle) {
    // SAFETY: a provider handle comes from `export_capsule`.
    guard::guard("provider_release", || unsafe { release::<Provider>(provider) });
}

/// The capsule that a provider's `__otel_rs_abi__` returns. It holds a reference to the provider until it goes.
pub fn export_capsule(py: Python<'_>, provider: Provider) -> PyResult<Bound<'_, PyCapsule>> {
    let export = Box::new(Export { table: &TABLE, provider: into_handle(Arc::new(provider)) });
    let pointer = NonNull::from(Box::leak(export)).cast::<c_void>();
    // SAFETY: the pointer stays valid until the destructor, which frees what was leaked here.
    unsafe { PyCapsule::new_with_pointer_and_destructor(py, pointer, CAPSULE_NAME, Some(free_export)) }
}

unsafe extern "C" fn free_export(capsule: *mut ffi::PyObject) {
    guard::guard("capsule destructor", || {
        // SAFETY: CPython calls this once, with the capsule that `export_capsule` made.
        let export = unsafe {
            let pointer = ffi::PyCapsule_GetPointer(capsule, CAPSULE_NAME.as_ptr());
            (!pointer.is_null()).then(|| Box::from_raw(pointer.cast::<Export>()))
        };
        if let Some(export) = export {
            // SAFETY: the reference that `export_capsule` gave to the capsule.
            unsafe { release::<Provider>(export.provider) };
        }
    });
}
