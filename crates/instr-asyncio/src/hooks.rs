//! What runs in place of asyncio's functions. Each passes on what it was given, with what is to be measured replaced.

use std::collections::HashMap;
use std::sync::Arc;

use otel_rs_core::log::{self, Level};
use otel_rs_core::patch::Call;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rustc_hash::FxBuildHasher;

use crate::settings::{ACTIVE, Settings};
use crate::types::Kind;
use crate::{collection, coroutine, future, thread};

/// `create_task(coroutine)` and the like, where the argument has that name too.
pub(crate) fn one(call: &Call<'_, '_>, name: &str) -> PyResult<Py<PyAny>> {
    replace(call, 0, Some(name), trace_item)
}

/// `wait(fs)`, `as_completed(fs)`
pub(crate) fn several(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    replace(call, 0, Some("fs"), collection::trace)
}

/// `gather(*coroutines)`
pub(crate) fn every_argument(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let Some(settings) = ACTIVE.get() else { return call.proceed() };
    let traced = items(&settings, call.args.iter())?;
    call.proceed_with(&PyTuple::new(call.py(), traced)?)
}

/// `to_thread(function)`, which has no name.
pub(crate) fn thread_function(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    replace(call, 0, None, thread::trace)
}

/// `TaskGroup.create_task(self, coro)`; anything else is refused by the group, as without us.
pub(crate) fn task_of_a_group(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    replace(call, 1, Some("coro"), |settings, given| match Kind::of(given)? {
        Kind::Coroutine => coroutine::trace(settings, given),
        _ => Ok(given.clone()),
    })
}

/// What is measured in the place of a coroutine or a future; anything else, a task too, is what it was.
pub(crate) fn trace_item<'py>(settings: &Arc<Settings>, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match Kind::of(given)? {
        Kind::Coroutine => coroutine::trace(settings, given),
        Kind::Future => future::trace(settings, given).map(|()| given.clone()),
        Kind::Task | Kind::Other => Ok(given.clone()),
    }
}

/// [`trace_item`], and the item as it is if that raises.
fn item<'py>(settings: &Arc<Settings>, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    bare_on_error(given, trace_item(settings, given))
}

/// [`item`] of each. A coroutine that is there twice is one coroutine, for asyncio too.
fn items<'py>(
    settings: &Arc<Settings>,
    given: impl ExactSizeIterator<Item = Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let mut traced = HashMap::with_capacity_and_hasher(given.len(), FxBuildHasher);
    given
        .map(|one| match traced.get(&(one.as_ptr() as usize)) {
            Some(known) => Ok(Bound::clone(known)),
            None => {
                let new = item(settings, &one)?;
                traced.insert(one.as_ptr() as usize, new.clone());
                Ok(new)
            }
        })
        .collect()
}

/// Calls the original with something else in the place of the argument at `index`, or of that `name`, if there is one.
fn replace<'py>(
    call: &Call<'_, 'py>,
    index: usize,
    name: Option<&str>,
    traced: impl FnOnce(&Arc<Settings>, &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let Some(settings) = ACTIVE.get() else { return call.proceed() };
    let Ok(given) = call.args.get_item(index) else {
        return match name {
            Some(name) => replace_named(call, name, |given| traced(&settings, given)),
            None => call.proceed(),
        };
    };
    let traced = bare_on_error(&given, traced(&settings, &given))?;
    if traced.is(&given) {
        return call.proceed();
    }
    let arguments = call.args.iter().enumerate().map(|(at, other)| if at == index { traced.clone() } else { other });
    let arguments: Vec<_> = arguments.collect();
    call.proceed_with(&PyTuple::new(call.py(), arguments)?)
}

fn replace_named<'py>(
    call: &Call<'_, 'py>,
    name: &str,
    traced: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let Some(named) = call.kwargs else { return call.proceed() };
    let Some(given) = named.get_item(name)? else { return call.proceed() };
    let traced = bare_on_error(&given, traced(&given))?;
    if traced.is(&given) {
        return call.proceed();
    }
    // The caller may have a use for its own.
    let named = named.copy()?;
    named.set_item(name, traced)?;
    call.proceed_as(call.args, Some(&named))
}

/// What was given goes on bare where measuring it failed.
pub(crate) fn bare_on_error<'py>(
    given: &Bound<'py, PyAny>,
    traced: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(unmeasured_on_error(given.py(), traced)?.unwrap_or_else(|| given.clone()))
}

/// What is no `Exception` passes; anything else is logged once, and there is nothing.
pub(crate) fn unmeasured_on_error<T>(py: Python<'_>, traced: PyResult<T>) -> PyResult<Option<T>> {
    match traced {
        Ok(traced) => Ok(Some(traced)),
        Err(error) if error.is_instance_of::<PyException>(py) => {
            log::raised_once(py, Level::Warning, "trace", &error, "what asyncio was given is not measured");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
