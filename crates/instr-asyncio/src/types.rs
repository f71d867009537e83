//! What asyncio takes for a coroutine, a future and a task.

use otel_rs_core::coroutine::is_native;
use otel_rs_core::once;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

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
        static ASYNCIO: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
        static IS_COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        static IS_FUTURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = object.py();
        // Nearly all are coroutines of the interpreter's own; the functions are Python code.
        if is_native(object)? {
            return Ok(Self::Coroutine);
        }
        // Debuggers and others put another class in its place while the application runs.
        let asyncio = once::get_or_compute(&ASYNCIO, py, || Ok(py.import("asyncio")?.unbind()))?.bind(py);
        let task = asyncio.getattr_opt(intern!(py, "Task"))?;
        if let Some(Ok(task)) = task.as_ref().map(|task| task.cast::<PyType>())
            && object.is_instance(task)?
        {
            return Ok(Self::Task);
        }
        if once::import(&IS_COROUTINE, py, "asyncio", "iscoroutine")?.call1((object,))?.is_truthy()? {
            return Ok(Self::Coroutine);
        }
        if !once::import(&IS_FUTURE, py, "asyncio", "isfuture")?.call1((object,))?.is_truthy()? {
            return Ok(Self::Other);
        }
        // A task of the class that was there before, or of a task factory: what it runs has been measured.
        match object.get_type().hasattr(intern!(py, "get_coro"))? {
            true => Ok(Self::Task),
            false => Ok(Self::Future),
        }
    }
}
