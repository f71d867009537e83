//! What asyncio takes for a coroutine, a future and a task.

use otel_rs_core::coroutine::is_native;
use otel_rs_core::once;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// What an object is to asyncio.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    Coroutine,
    Future,
    Other,
}

impl Kind {
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        static TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static IS_COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static IS_FUTURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = object.py();
        // Nearly all are coroutines of the interpreter's own; the functions are Python code.
        if is_native(object)? {
            return Ok(Self::Coroutine);
        }
        if object.is_instance(once::import(&TASK, py, "asyncio", "Task")?)? {
            return Ok(Self::Task);
        }
        if once::import(&IS_COROUTINE, py, "asyncio", "iscoroutine")?.call1((object,))?.is_truthy()? {
            return Ok(Self::Coroutine);
        }
        match once::import(&IS_FUTURE, py, "asyncio", "isfuture")?.call1((object,))?.is_truthy()? {
            true => Ok(Self::Future),
            false => Ok(Self::Other),
        }
    }
}
