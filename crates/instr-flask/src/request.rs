//! A request on its way through Flask.

mod end;
mod start;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use otel_rs_core::guard::guarded;
use otel_rs_core::http::{ClaimedRequest, EnvironFacts};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::progress::{Arrival, Progress, Stage};
use crate::settings::Settings;

/// The state of one request, kept in its environ so that every wrapped method finds it.
#[guarded]
#[pyclass(frozen, module = "otel_rs_instr_flask")]
pub(crate) struct Request {
    pub settings: Arc<Settings>,
    facts: EnvironFacts,
    started_at_ns: Option<u64>,
    started: Instant,
    arrival: Arrival,
    /// The request as the instrumentation of the server has taken it on: its span and metrics are not ours then.
    claimed: Option<ClaimedRequest>,
    progress: Mutex<Progress>,
}

/// The key of the environ.
fn key(py: Python<'_>) -> &Bound<'_, pyo3::types::PyString> {
    intern!(py, "otel_rs.flask.request")
}

impl Request {
    /// A request that has just arrived. It counts as active unless it is provisional.
    pub(crate) fn arrive(environ: &Bound<'_, PyDict>, settings: Arc<Settings>, arrival: Arrival) -> PyResult<Py<Self>> {
        let py = environ.py();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let request = Self::new(environ, settings, u64::try_from(since_epoch.as_nanos()).ok(), arrival)?;
        if arrival == Arrival::Provisional {
            request.progress(|progress| progress.stage = Stage::Provisional);
        } else {
            request.count(py);
        }
        Py::new(py, request)
    }

    fn new(
        environ: &Bound<'_, PyDict>,
        settings: Arc<Settings>,
        started_at_ns: Option<u64>,
        arrival: Arrival,
    ) -> PyResult<Self> {
        let facts = settings.server.read(environ)?;
        let claimed = ClaimedRequest::find(environ)?;
        Ok(Self {
            settings,
            facts,
            started_at_ns,
            started: Instant::now(),
            arrival,
            claimed,
            progress: Mutex::default(),
        })
    }

    /// Puts the request into the environ and returns what was there.
    pub(crate) fn enter<'py>(slf: &Py<Self>, environ: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = environ.py();
        let previous = environ.get_item(key(py))?;
        environ.set_item(key(py), slf)?;
        Ok(previous)
    }

    /// Gives the environ back to the request that it came with, if that is still being handled (one application has
    /// called another). Otherwise ours stays for a late teardown.
    pub(crate) fn leave(environ: &Bound<'_, PyDict>, previous: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        match previous.and_then(|previous| previous.cast_into::<Self>().ok()) {
            Some(previous) if previous.get().progress(|progress| progress.counted) => {
                environ.set_item(key(environ.py()), previous)
            }
            _ => Ok(()),
        }
    }

    /// The request in an environ, if it is not over.
    pub(crate) fn find<'py>(environ: &Bound<'py, PyDict>) -> PyResult<Option<Bound<'py, Self>>> {
        let found = environ.get_item(key(environ.py()))?.and_then(|found| found.cast_into::<Self>().ok());
        Ok(found.filter(|request| request.get().progress(|progress| progress.stage != Stage::Over)))
    }

    /// Ends a provisional request for the sake of the real one.
    pub(crate) fn supersede(&self) {
        self.progress(|progress| {
            if progress.stage == Stage::Provisional {
                progress.stage = Stage::Over;
            }
        });
    }

    /// Whether the wrapped methods have taken it on and it is not over.
    pub(crate) fn is_taken(&self) -> bool {
        self.progress(|progress| progress.stage == Stage::Taken)
    }

    /// Whether it has been taken on and not been answered.
    pub(crate) fn is_under_way(&self) -> bool {
        self.progress(|progress| progress.stage == Stage::Taken && !progress.answered)
    }

    /// No Python code runs under the lock.
    fn progress<T>(&self, body: impl FnOnce(&mut Progress) -> T) -> T {
        body(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, py: Python<'_>) {
        if self.claimed.is_none() && !self.progress(|progress| std::mem::replace(&mut progress.counted, true)) {
            self.settings.server.count(py, &self.facts, 1.0);
        }
    }
}
