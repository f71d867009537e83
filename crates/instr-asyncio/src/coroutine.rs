//! Coroutines.

use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::coroutine::{Coroutine, CoroutineObserver};
use otel_rs_core::guard::Swallow;
use otel_rs_core::text::Text;
use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use crate::process::{Outcome, Process, Subject};
use crate::seen;
use crate::settings::Settings;
use crate::state::{State, is_cancellation};

/// The coroutine around `coroutine` that measures it. What has no name, or is one of ours, stays as it is.
pub(crate) fn trace<'py>(settings: &Arc<Settings>, coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = coroutine.py();
    if coroutine.cast::<Coroutine>().is_ok() {
        return Ok(coroutine.clone());
    }
    let name = coroutine.getattr_opt(intern!(py, "__name__"))?;
    let Some(name) = name.as_ref().and_then(Text::from_any) else { return Ok(coroutine.clone()) };
    let measurement = Measurement {
        settings: Arc::clone(settings),
        coroutine: coroutine.clone().unbind(),
        name,
        process: Mutex::new(None),
    };
    Ok(Coroutine::wrap(coroutine, Box::new(measurement))?.into_bound(py))
}

/// Measures one coroutine.
struct Measurement {
    settings: Arc<Settings>,
    coroutine: Py<PyAny>,
    name: Text,
    /// There while the coroutine runs.
    process: Mutex<Option<Process>>,
}

impl Measurement {
    fn process<T>(&self, body: impl FnOnce(&mut Option<Process>) -> T) -> T {
        body(&mut self.process.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CoroutineObserver for Measurement {
    fn start(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        if seen::first_time(self.coroutine.bind(py)).swallow(py).unwrap_or(true) {
            let name = self.name.as_str();
            let span_name = self.settings.coroutines.contains(name).then(|| format!("asyncio coro-{name}"));
            let process = Process::start(py, Arc::clone(&self.settings), span_name.as_deref());
            drop(self.process(|running| running.replace(process)));
        }
        // The span is not current: stock's is not either.
        None
    }

    fn finish(&self, py: Python<'_>, error: Option<&Bound<'_, PyBaseException>>) {
        let Some(process) = self.process(Option::take) else { return };
        let error = error.map(|error| error.as_any());
        let outcome = match error {
            Some(error) if is_cancellation(error).swallow(py).unwrap_or(false) => {
                Outcome { state: State::Cancelled, error: None }
            }
            Some(error) if error.is_instance_of::<PyException>() => {
                Outcome { state: State::of(error).swallow(py).unwrap_or(State::Exception), error: Some(error) }
            }
            // What is no `Exception` (a coroutine that is closed, say) is no error to stock either.
            _ => Outcome { state: State::Finished, error: None },
        };
        process.finish(py, &Subject::Coroutine(&self.name), &outcome);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)
    }
}
