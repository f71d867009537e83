//! Coroutines and futures that asyncio is given several at a time: in a list, a set, a generator, whatever can be iterated.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::guard::{guard, guarded};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyIterator, PyList, PySet, PyTuple};
use rustc_hash::FxBuildHasher;

use crate::hooks;
use crate::settings::Settings;
use crate::types::Kind;
use crate::{coroutine, future};

/// What goes in the place of `given`, so that what is in it is measured. It is never changed, and it is iterated when and
/// as often as asyncio does that.
pub(crate) fn trace<'py>(settings: &Arc<Settings>, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = given.py();
    if can_be_looked_into(given) {
        if !trace_futures(settings, given)? {
            return Ok(given.clone());
        }
    } else {
        match Kind::of(given)? {
            // Asyncio refuses these.
            Kind::Coroutine | Kind::Task => return Ok(given.clone()),
            Kind::Future => return future::trace(settings, given).map(|()| given.clone()),
            Kind::Other => (),
        }
        let class = given.get_type();
        if !class.hasattr(intern!(py, "__iter__"))? && !class.hasattr(intern!(py, "__getitem__"))? {
            return Ok(given.clone());
        }
    }
    let collection = Collection { given: given.clone().unbind(), settings: Arc::clone(settings) };
    Ok(Bound::new(py, collection)?.into_any())
}

/// Whether nobody notices that it is iterated once more.
fn can_be_looked_into(given: &Bound<'_, PyAny>) -> bool {
    given.is_exact_instance_of::<PyList>()
        || given.is_exact_instance_of::<PyTuple>()
        || given.is_exact_instance_of::<PySet>()
        || given.is_exact_instance_of::<PyFrozenSet>()
        || given.is_exact_instance_of::<PyDict>()
}

/// Measures the futures from now on; whether there are coroutines too, which are to be replaced.
fn trace_futures(settings: &Arc<Settings>, given: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = given.py();
    let mut coroutines = false;
    // A copy: what runs meanwhile may change it.
    let items: Vec<Bound<'_, PyAny>> = given.try_iter()?.collect::<PyResult<_>>()?;
    for item in items {
        match Kind::of(&item) {
            Ok(Kind::Coroutine) => coroutines = true,
            Ok(Kind::Future) => hooks::unmeasured_on_error(py, future::trace(settings, &item))?.unwrap_or_default(),
            Ok(Kind::Task | Kind::Other) => (),
            Err(error) => hooks::unmeasured_on_error(py, Err(error))?.unwrap_or_default(),
        }
    }
    Ok(coroutines)
}

/// What is given, with what is measured in the place of coroutines.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_asyncio")]
struct Collection {
    given: Py<PyAny>,
    settings: Arc<Settings>,
}

#[guarded]
#[pymethods]
impl Collection {
    fn __iter__(&self, py: Python<'_>) -> PyResult<Items> {
        let iterator = self.given.bind(py).try_iter()?.unbind();
        Ok(Items { iterator, settings: Arc::clone(&self.settings), coroutines: Mutex::new(HashMap::default()) })
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        self.given.bind(py).is_truthy()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.given)
    }
}

/// An iterator over a [`Collection`].
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_asyncio")]
struct Items {
    iterator: Py<PyIterator>,
    settings: Arc<Settings>,
    /// What stands for the coroutines so far, by their addresses. One that is there twice is one coroutine, for asyncio
    /// too. What stands for it keeps it alive.
    coroutines: Mutex<HashMap<usize, Py<PyAny>, FxBuildHasher>>,
}

impl Items {
    fn coroutines<T>(&self, body: impl FnOnce(&mut HashMap<usize, Py<PyAny>, FxBuildHasher>) -> T) -> T {
        body(&mut self.coroutines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn traced<'py>(&self, given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = given.py();
        match Kind::of(given)? {
            Kind::Future => future::trace(&self.settings, given).map(|()| given.clone()),
            Kind::Task | Kind::Other => Ok(given.clone()),
            Kind::Coroutine => {
                let address = given.as_ptr() as usize;
                let known = self.coroutines(|coroutines| coroutines.get(&address).map(|known| known.clone_ref(py)));
                if let Some(known) = known {
                    return Ok(known.into_bound(py));
                }
                let traced = coroutine::trace(&self.settings, given)?;
                let replaced = self.coroutines(|coroutines| coroutines.insert(address, traced.clone().unbind()));
                drop(replaced);
                Ok(traced)
            }
        }
    }
}

#[guarded]
#[pymethods]
impl Items {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(given) = self.iterator.bind(py).clone().next().transpose()? else { return Ok(None) };
        match guard("trace", || self.traced(&given)) {
            Some(traced) => hooks::bare_on_error(&given, traced).map(Some),
            None => Ok(Some(given)),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.iterator)?;
        // The lock is never held while Python code runs, so a collection finds it free.
        let Ok(coroutines) = self.coroutines.try_lock() else { return Ok(()) };
        coroutines.values().try_for_each(|coroutine| visit.call(coroutine))
    }
}
