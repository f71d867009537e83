//! The OTLP exporters' Python faces.

use pyo3::prelude::*;

/// Adds the exporters to the module.
pub fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
