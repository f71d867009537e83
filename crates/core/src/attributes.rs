//! Attributes as Python objects, for providers that are reached through the Python API.

use otel_rs_abi::{KeyValue, Str, Value, ValueTag};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::stack;

/// A key. Semantic-convention keys are interned, as Python's own constants are.
pub(crate) fn key_to_py<'py>(py: Python<'py>, key: &Str<'_>) -> Bound<'py, PyString> {
    match key.as_static() {
        Some(key) => PyString::intern(py, key),
        None => PyString::new(py, key.as_str()),
    }
}

/// A value.
pub(crate) fn value_to_py<'py>(py: Python<'py>, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value.tag() {
        ValueTag::Null => py.None().into_bound(py),
        ValueTag::Bool => PyBool::new(py, value.as_bool().unwrap_or_default()).to_owned().into_any(),
        ValueTag::I64 => PyInt::new(py, value.as_i64().unwrap_or_default()).into_any(),
        ValueTag::F64 => PyFloat::new(py, value.as_f64().unwrap_or_default()).into_any(),
        ValueTag::Str => PyString::new(py, value.as_str().map_or("", |text| text.as_str())).into_any(),
        ValueTag::Stack => stack::to_python(py, value.as_stack().unwrap_or_default())?,
        ValueTag::StrList => {
            PyList::new(py, value.as_list().unwrap_or_default().iter().map(|text| text.as_str()))?.into_any()
        }
    })
}

/// A fresh `dict` of the attributes; the last of equal keys wins.
///
/// # Errors
///
/// What making the objects raises.
pub fn to_dict<'py>(py: Python<'py>, attributes: &[KeyValue<'_>]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for attribute in attributes {
        dict.set_item(key_to_py(py, &attribute.key), value_to_py(py, &attribute.value)?)?;
    }
    Ok(dict)
}
