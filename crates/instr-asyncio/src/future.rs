//! Futures.

use std::sync::{Arc, Mutex, PoisonError};

use otel_rs_core::guard::{self, guard, guarded};
use otel_rs_core::log::{self, Level};
use pyo3::intern;
use pyo3::prelude::*;

use crate::process::{Outcome, Process, Subject};
use crate::seen;
use crate::settings::Settings;
use crate::state::State;

/// Measures a future from now until it is done, once.
pub(crate) fn trace(settings: &Arc<Settings>, future: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = future.py();
    if !seen::first_time(future)? {
        return Ok(());
    }
    let process = Process::start(py, Arc::clone(settings), settings.futures.then_some("asyncio future"));
    let callback = Bound::new(py, Done { process: Mutex::new(Some(process)) })?;
    let added = guard::check().and_then(|()| future.call_method1(intern!(py, "add_done_callback"), (&callback,)));
    added.map(drop).inspect_err(|_| {
        // Nobody will call it: what has begun ends here.
        if let Some(process) = callback.get().take() {
            process.finish(py, &Subject::Future, &Outcome { state: State::Exception, error: None });
        }
    })
}

/// The callback of a future that is measured.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_asyncio")]
struct Done {
    process: Mutex<Option<Process>>,
}

impl Done {
    fn take(&self) -> Option<Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[guarded]
#[pymethods]
impl Done {
    fn __call__(&self, future: &Bound<'_, PyAny>) {
        let Some(process) = self.take() else { return };
        guard("the end of a future", || {
            let py = future.py();
            let (state, error) = outcome(future).unwrap_or_else(|error| {
                log::raised_once(py, Level::Warning, "future", &error, "a future did not say how it ended");
                (State::Finished, None)
            });
            process.finish(py, &Subject::Future, &Outcome { state, error: error.as_ref() });
        });
    }
}

fn outcome<'py>(future: &Bound<'py, PyAny>) -> PyResult<(State, Option<Bound<'py, PyAny>>)> {
    let py = future.py();
    if future.call_method0(intern!(py, "cancelled"))?.is_truthy()? {
        return Ok((State::Cancelled, None));
    }
    // The method marks the exception as retrieved, and asyncio would not log any more that nobody has done so.
    let exception = match future.getattr_opt(intern!(py, "_exception"))? {
        Some(exception) => exception,
        None => future.call_method0(intern!(py, "exception"))?,
    };
    match exception.is_none() {
        true => Ok((State::Finished, None)),
        false => Ok((State::of(&exception)?, Some(exception))),
    }
}
