//! How a process ended.

use otel_rs_core::once;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The attribute `state`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Finished,
    Cancelled,
    Timeout,
    Exception,
}

impl State {
    /// What an exception says.
    pub(crate) fn of(exception: &Bound<'_, PyAny>) -> PyResult<Self> {
        // A class of its own up to Python 3.10, the builtin from then on.
        static TIMEOUT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        if is_cancellation(exception)? {
            return Ok(Self::Cancelled);
        }
        match exception.is_instance(once::import(&TIMEOUT, exception.py(), "asyncio", "TimeoutError")?)? {
            true => Ok(Self::Timeout),
            false => Ok(Self::Exception),
        }
    }

    /// Its name in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Timeout => "timeout",
            Self::Exception => "exception",
        }
    }
}

/// Whether this is asyncio's `CancelledError`.
pub(crate) fn is_cancellation(exception: &Bound<'_, PyAny>) -> PyResult<bool> {
    static CANCELLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    exception.is_instance(once::import(&CANCELLED, exception.py(), "asyncio", "CancelledError")?)
}
