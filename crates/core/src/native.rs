//! The native SDK as a plugin reaches it: the function table behind a provider's capsule.

use std::ptr::NonNull;

use otel_rs_abi::{CAPSULE_NAME, Export, Handle, Status, Table, VERSION};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

use crate::guard::Swallow;
use crate::log::{self, Level};

/// A provider of the native SDK, retained.
pub(crate) struct NativeProvider {
    table: &'static Table,
    handle: Handle,
}

// SAFETY: the table's functions may be called from any thread that is attached to the interpreter, and a handle is a
// reference-counted object of the SDK that is not tied to a thread.
unsafe impl Send for NativeProvider {}
// SAFETY: as above.
unsafe impl Sync for NativeProvider {}

impl NativeProvider {
    /// The native provider behind `provider`, if its *type* says that it is one: a wrapper that delegates attribute
    /// access to a native provider is not bypassed.
    pub(crate) fn of(provider: &Bound<'_, PyAny>) -> Option<Self> {
        let export = provider.get_type().getattr("__otel_rs_abi__").swallow(provider.py())?;
        match Self::bind(&export, provider) {
            Ok(native) => Some(native),
            Err(error) => {
                log::raised_once(
                    provider.py(),
                    Level::Warning,
                    "native ABI",
                    &error,
                    "the native SDK cannot be used directly, and the OpenTelemetry Python API is used instead (install \
                     releases of otel-rs-sdk and the instrumentation that belong together)",
                );
                None
            }
        }
    }

    fn bind(export: &Bound<'_, PyAny>, provider: &Bound<'_, PyAny>) -> PyResult<Self> {
        let capsule = export.call1((provider,))?;
        let capsule = capsule.cast::<PyCapsule>()?;
        let export: NonNull<Export> = capsule.pointer_checked(Some(CAPSULE_NAME))?.cast();
        // SAFETY: a capsule of this name points to an `Export` that lives as long as the capsule, which we hold.
        let export = unsafe { export.as_ref() };
        // SAFETY: `size` and `version` come first in every version of the table, and the table is never freed.
        let (size, version) = unsafe { ((*export.table).size, (*export.table).version) };
        if version != VERSION || size < size_of::<Table>() {
            return Err(pyo3::exceptions::PyRuntimeError::new_err(format!(
                "it speaks version {version} of the ABI, this instrumentation version {VERSION}"
            )));
        }
        // SAFETY: the version says that this is the table that we know; it lives as long as the process.
        let table = unsafe { &*export.table };
        // SAFETY: the handle is the live provider of the capsule.
        if unsafe { (table.provider_retain)(export.provider) } != Status::Ok {
            return Err(pyo3::exceptions::PyRuntimeError::new_err("the provider has been closed"));
        }
        Ok(Self { table, handle: export.provider })
    }

    pub(crate) fn table(&self) -> &'static Table {
        self.table
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }
}

impl Drop for NativeProvider {
    fn drop(&mut self) {
        // SAFETY: the reference was taken in `bind` and is given back once.
        unsafe { (self.table.provider_release)(self.handle) }
    }
}

/// An object of the SDK that is given back by one of the table's `*_release` functions.
pub(crate) struct Owned {
    handle: Handle,
    release: unsafe extern "C" fn(Handle),
}

// SAFETY: as for `NativeProvider`.
unsafe impl Send for Owned {}
// SAFETY: as for `NativeProvider`.
unsafe impl Sync for Owned {}

impl Owned {
    /// Calls `create` with an out parameter and owns what it writes. Nothing if it fails.
    pub(crate) fn create(
        release: unsafe extern "C" fn(Handle),
        create: impl FnOnce(*mut Handle) -> Status,
    ) -> Option<Self> {
        let mut handle = std::ptr::null_mut();
        (create(&raw mut handle) == Status::Ok && !handle.is_null()).then_some(Self { handle, release })
    }

    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the handle came from the function that `release` belongs to and is given back once.
        unsafe { (self.release)(self.handle) }
    }
}
