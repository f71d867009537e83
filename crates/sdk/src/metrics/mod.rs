//! The metrics SDK's Python faces.

pub mod abi;

use pyo3::prelude::*;

/// Adds the metrics SDK to the module.
pub fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
