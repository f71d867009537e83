//! The text of a stack for providers that are reached through the Python API, made by `traceback` itself.

use otel_rs_abi::StackFrame;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

/// The entries of `traceback.format_list`, joined by newlines.
pub(crate) fn to_python<'py>(py: Python<'py>, frames: &[StackFrame<'_>]) -> PyResult<Bound<'py, PyAny>> {
    let check_cache = py.import(intern!(py, "linecache"))?.getattr(intern!(py, "checkcache"))?;
    let entries = PyList::empty(py);
    let mut checked: Vec<&str> = Vec::new();
    for frame in frames {
        let file = frame.file.as_str();
        if frame.in_file && !checked.contains(&file) {
            check_cache.call1((file,))?;
            checked.push(file);
        }
        // Without a source line Python reads the file.
        let source = (!frame.in_file).then(|| frame.source.as_str());
        let line = (frame.line >= 0).then_some(frame.line);
        entries.append((file, line, frame.function.as_str(), source))?;
    }
    let entries = py.import(intern!(py, "traceback"))?.call_method1(intern!(py, "format_list"), (entries,))?;
    PyString::new(py, "\n").call_method1(intern!(py, "join"), (entries,))
}
