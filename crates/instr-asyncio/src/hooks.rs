//! What runs in place of asyncio's functions. Each passes on what it was given, with what is to be measured replaced.

use std::collections::HashMap;
use std::sync::Arc;

use otel_rs_core::log;
use otel_rs_core::patch::Call;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use rustc_hash::FxBuildHasher;

use crate::settings::{ACTIVE, Settings};
use crate::types::Kind;
use crate::{coroutine, future, thread};

/// `create_task(coroutine)`, `wait(list)` and the like: the first argument is a coroutine, a future, or a list of them.
pub(crate) fn first_argument(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    replace(call, 0, |settings, first| match first.cast::<PyList>() {
        Ok(list) => Ok(PyList::new(first.py(), items(settings, list.iter())?)?.into_any()),
        Err(_) => item(settings, first),
    })
}

/// `gather(*coroutines)`
pub(crate) fn every_argument(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    let Some(settings) = ACTIVE.get() else { return call.proceed() };
    let traced = items(&settings, call.args.iter())?;
    call.proceed_with(&PyTuple::new(call.py(), traced)?)
}

/// `to_thread(function)`
pub(crate) fn thread_function(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    replace(call, 0, thread::trace)
}

/// `TaskGroup.create_task(self, coroutine)`; anything else is refused by the group, as without us.
pub(crate) fn task_of_a_group(call: &Call<'_, '_>) -> PyResult<Py<PyAny>> {
    replace(call, 1, |settings, given| match Kind::of(given)? {
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

/// Calls the original with another argument at `index`, if there is one.
fn replace<'py>(
    call: &Call<'_, 'py>,
    index: usize,
    traced: impl FnOnce(&Arc<Settings>, &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let Some(settings) = ACTIVE.get() else { return call.proceed() };
    let Ok(given) = call.args.get_item(index) else { return call.proceed() };
    let traced = bare_on_error(&given, traced(&settings, &given))?;
    if traced.is(&given) {
        return call.proceed();
    }
    let arguments = call.args.iter().enumerate().map(|(at, other)| if at == index { traced.clone() } else { other });
    let arguments: Vec<_> = arguments.collect();
    call.proceed_with(&PyTuple::new(call.py(), arguments)?)
}

/// What is no `Exception` passes; anything else is logged once, and what was given goes on unmeasured.
pub(crate) fn bare_on_error<'py>(
    given: &Bound<'py, PyAny>,
    traced: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = given.py();
    match traced {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            log::warning_once(py, "trace", &format!("what asyncio was given is not measured: {error}"));
            Ok(given.clone())
        }
        traced => traced,
    }
}
