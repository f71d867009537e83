//! What was lost, by cause, as Python reads it.

use otel_rs_pipeline::queue::DropCounts;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};

/// The counts by the name of each cause: `queue_full`, `export_failed`, `deadline`, `after_shutdown`.
pub fn by_cause(py: Python<'_>, counts: DropCounts) -> PyResult<Bound<'_, PyDict>> {
    counts.by_cause().into_py_dict(py)
}
