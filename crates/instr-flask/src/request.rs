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
    /// Address of the application that it has come to, where it has come to one.
    app: usize,
    /// The request as the instrumentation of the server has taken it on: its span and metrics are not ours then.
    claimed: Option<ClaimedRequest>,
    /// The one whose environ it has, or has a copy of.
    outer: Option<Py<Request>>,
    progress: Mutex<Progress>,
}

/// The key of the environ.
fn key(py: Python<'_>) -> &Bound<'_, pyo3::types::PyString> {
    intern!(py, "otel_rs.flask.request")
}

impl Request {
    /// A request that has just arrived. It counts as active unless it is provisional.
    pub(crate) fn arrive(
        environ: &Bound<'_, PyDict>,
        app: &Bound<'_, PyAny>,
        settings: Arc<Settings>,
        arrival: Arrival,
    ) -> PyResult<Py<Self>> {
        let py = environ.py();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut request = Self::new(environ, settings, arrival, Self::find(environ)?)?;
        request.started_at_ns = u64::try_from(since_epoch.as_nanos()).ok();
        request.app = app.as_ptr() as usize;
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
        arrival: Arrival,
        outer: Option<Bound<'_, Self>>,
    ) -> PyResult<Self> {
        let facts = settings.server.read(environ)?;
        // A request inside of another one is none of the server's, which the outer one has taken over.
        let claimed = match &outer {
            Some(outer) if outer.get().is_dispatched() => None,
            _ => ClaimedRequest::find(environ)?,
        };
        Ok(Self {
            settings,
            facts,
            started_at_ns: None,
            started: Instant::now(),
            arrival,
            app: 0,
            claimed,
            outer: outer.map(Bound::unbind),
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

    /// The request that is handled in a request context: it may not be the innermost one of the environ. One that has
    /// not come so far may yet be.
    pub(crate) fn of<'py>(
        environ: &Bound<'py, PyDict>,
        request_context: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, Self>>> {
        let innermost = Self::find(environ)?;
        Ok(match innermost.as_ref().and_then(|request| Self::in_context(request, request_context)) {
            Some(request) => Some(request),
            None => innermost.filter(|request| !request.get().is_dispatched()),
        })
    }

    /// The request, or one around it, that is handled in a request context.
    fn in_context<'py>(slf: &Bound<'py, Self>, request_context: &Bound<'py, PyAny>) -> Option<Bound<'py, Self>> {
        let address = request_context.as_ptr() as usize;
        let mut request = slf.clone();
        while request.get().progress(|progress| progress.request_context != address) {
            request = request.get().outer.as_ref()?.bind(slf.py()).clone();
        }
        Some(request)
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

    /// Whether a call of the application is a part of this one: a method that extends the one of its base class.
    pub(crate) fn includes_call_of(&self, app: &Bound<'_, PyAny>) -> bool {
        self.app == app.as_ptr() as usize && !self.is_dispatched()
    }

    fn is_dispatched(&self) -> bool {
        self.progress(|progress| progress.dispatched)
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
