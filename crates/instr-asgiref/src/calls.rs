//! A call over a bridge: a span around it that tells the wait for the other side from the work there.

use std::sync::Arc;

use otel_rs_abi::KeyValue;
use otel_rs_core::function::qualified_name;
use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::patch::Call;
use otel_rs_core::stand_in::StandIn;
use otel_rs_core::trace::{Handoff, HandoffKind};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::settings::ACTIVE;

const KIND: HandoffKind = HandoffKind { wait_duration: "asgiref.wait.duration", run_duration: "asgiref.run.duration" };

/// Around `SyncToAsync.__call__`, which returns a coroutine.
pub(crate) fn sync_to_async(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    match prepare(call, "sync_to_async", "func", Handoff::function)? {
        Some((handoff, args)) => handoff.around_coroutine(call.proceed_with(&args)?.bind(call.py())),
        None => call.proceed(),
    }
}

/// Around `AsyncToSync.__call__`, which waits.
pub(crate) fn async_to_sync(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    match prepare(call, "async_to_sync", "awaitable", Handoff::async_function)? {
        Some((handoff, args)) => handoff.around(call.py(), || call.proceed_with(&args)),
        None => call.proceed(),
    }
}

type HandOver = fn(&Arc<Handoff>, &Bound<'_, PyAny>) -> PyResult<Py<PyAny>>;

/// The call to be measured, and its arguments with a stand-in for the bridge, in which the function is ours.
///
/// # Errors
///
/// What the bridge raises that is no `Exception`.
fn prepare<'py>(
    call: &Call<'_, 'py>,
    direction: &str,
    attribute: &'static str,
    hand_over: HandOver,
) -> PyResult<Option<(Arc<Handoff>, Bound<'py, PyTuple>)>> {
    let Some(settings) = ACTIVE.get() else { return Ok(None) };
    let prepare = || -> PyResult<_> {
        let bridge = call.args.get_item(0)?;
        let function = bridge.getattr(attribute)?;
        let thread_sensitive = bridge.getattr_opt(intern!(call.py(), "_thread_sensitive"))?;
        let thread_sensitive = thread_sensitive.map(|value| value.is_truthy()).transpose()?;
        let attributes = thread_sensitive.map(|value| KeyValue::new("asgiref.thread_sensitive", value));
        let name = format!("{direction} {}", qualified_name(&function)?);
        let handoff = Handoff::new(&settings.tracer, KIND, name, attributes.into_iter().collect());
        let mut args: Vec<_> = call.args.iter().collect();
        args[0] = StandIn::of(&bridge, attribute, hand_over(&handoff, &function)?)?;
        Ok((handoff, PyTuple::new(call.py(), args)?))
    };
    // A bridge that is not made like those of asgiref is called as it is.
    let prepared = prepare().swallow(call.py());
    guard::check()?;
    Ok(prepared)
}
