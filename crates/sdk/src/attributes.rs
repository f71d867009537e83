//! Attributes between Python and the pipeline, by the rules of `opentelemetry.attributes.BoundedAttributes`.
//!
//! Everything here may run Python code of the user's (`__str__`, a mapping's `items`), so no lock is held around it.

use std::borrow::Cow;

use otel_rs_core::log;
use otel_rs_pipeline::attributes::{AttributeLimits, AttributeValue, Attributes, Key};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PySequence, PyString, PyTuple};

use crate::api::api;

/// Deeper values are left out: a list may contain itself.
const MAX_DEPTH: usize = 32;

/// What was read of a mapping: its usable attributes and how many were not.
pub struct Cleaned {
    entries: Vec<(Key, AttributeValue)>,
    dropped: u32,
}

impl Cleaned {
    /// Sets the attributes, within the limits.
    pub fn set_into(self, attributes: &mut Attributes, limits: AttributeLimits) {
        attributes.add_dropped(self.dropped);
        for (key, value) in self.entries {
            attributes.set(key, value, limits);
        }
    }

    /// Attributes made here.
    pub fn of<const N: usize>(entries: [(&'static str, String); N]) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Self { entries, dropped: 0 }
    }

    /// Takes over the other's attributes as `dict.update` does: what is there keeps its place.
    pub fn update(&mut self, other: Self) {
        self.dropped += other.dropped;
        for (key, value) in other.entries {
            match self.entries.iter_mut().find(|(present, _)| *present == key) {
                Some((_, present)) => *present = value,
                None => self.entries.push((key, value)),
            }
        }
    }

    /// The attributes as a collection of their own.
    pub fn into_attributes(self, limits: AttributeLimits) -> Attributes {
        let mut attributes = Attributes::with_capacity(self.entries.len());
        self.set_into(&mut attributes, limits);
        attributes
    }
}

/// Reads a mapping, or nothing from `None`. What cannot be used is logged and counted.
pub fn from_mapping(mapping: Option<&Bound<'_, PyAny>>) -> Cleaned {
    let mut cleaned = Cleaned { entries: Vec::new(), dropped: 0 };
    let Some(mapping) = mapping.filter(|mapping| !mapping.is_none()) else { return cleaned };
    if let Err(error) = read_mapping(mapping, &mut cleaned, 0) {
        log::warning_once(
            mapping.py(),
            "attributes",
            &format!("Attributes must be a mapping that can be read; some were dropped: {error}"),
        );
    }
    cleaned
}

/// Reads one attribute. `None`, logged, if the key is not a non-empty string or the value has no string form.
pub fn from_pair(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Option<(Key, AttributeValue)> {
    let key = match key.cast::<PyString>() {
        Ok(key) if !key.is_empty().unwrap_or(true) => text(key),
        _ => {
            log::log(
                key.py(),
                log::Level::Warning,
                &format!("invalid key `{}`. must be non-empty string. Dropping key from attributes.", display(key)),
            );
            return None;
        }
    };
    Some((Cow::Owned(key), from_value(value, 0)?))
}

fn read_mapping(mapping: &Bound<'_, PyAny>, cleaned: &mut Cleaned, depth: usize) -> PyResult<()> {
    let mut read = |key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| match mapping_key(key) {
        Some(key) => match from_value(value, depth + 1) {
            Some(value) => cleaned.entries.push((Cow::Owned(key), value)),
            None => cleaned.dropped += 1,
        },
        None => cleaned.dropped += 1,
    };
    if let Ok(dict) = mapping.cast_exact::<PyDict>() {
        // A copy: reading a value may run code that changes the dictionary.
        let copy = dict.copy()?;
        for (key, value) in copy.iter() {
            read(&key, &value);
        }
        return Ok(());
    }
    for item in mapping.call_method0("items")?.try_iter()? {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        read(&key, &value);
    }
    Ok(())
}

/// A key of a mapping: unlike the key of `set_attribute`, it may be anything with a string form.
fn mapping_key(key: &Bound<'_, PyAny>) -> Option<String> {
    if let Ok(key) = key.cast::<PyString>() {
        if !key.is_empty().unwrap_or(true) {
            return Some(text(key));
        }
    } else if key.is_truthy().unwrap_or(false) {
        log::log(
            key.py(),
            log::Level::Warning,
            &format!("Invalid type `{}` for attribute key, must be a str. Its string form is used.", key.get_type()),
        );
        return custom_str(key);
    }
    log::log(
        key.py(),
        log::Level::Warning,
        &format!("invalid attribute key `{}`. must be non-empty string. Dropping key from attributes.", display(key)),
    );
    None
}

/// A value, `None` if it is to be dropped.
pub fn from_value(value: &Bound<'_, PyAny>, depth: usize) -> Option<AttributeValue> {
    if let Ok(value) = value.cast::<PyString>() {
        return Some(AttributeValue::Str(Cow::Owned(text(value))));
    }
    // `bool` is a subclass of `int`, so it comes first.
    if let Ok(value) = value.cast::<PyBool>() {
        return Some(AttributeValue::Bool(value.is_true()));
    }
    if let Ok(value) = value.cast::<PyInt>() {
        return integer(value);
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        return Some(AttributeValue::F64(value.value()));
    }
    if value.is_none() {
        return Some(AttributeValue::Null);
    }
    if let Ok(value) = value.cast::<PyBytes>() {
        return Some(AttributeValue::Bytes(value.as_bytes().to_vec()));
    }
    if depth >= MAX_DEPTH {
        return None;
    }
    if let Ok(list) = value.cast::<PyList>() {
        return sequence(list.as_any(), depth);
    }
    if let Ok(tuple) = value.cast::<PyTuple>() {
        return sequence(tuple.as_any(), depth);
    }
    if value.cast::<PySequence>().is_ok() {
        return sequence(value, depth);
    }
    if value.cast::<PyMapping>().is_ok() {
        let mut cleaned = Cleaned { entries: Vec::new(), dropped: 0 };
        read_mapping(value, &mut cleaned, depth).ok()?;
        return Some(AttributeValue::Map(cleaned.entries));
    }
    log::log(
        value.py(),
        log::Level::Warning,
        &format!(
            "Invalid type `{}` for attribute value. Expected one of bool, str, None, bytes, int, float or a Mapping or \
             Sequence of those types. Its string form is used if it has one, None otherwise.",
            value.get_type()
        ),
    );
    Some(custom_str(value).map_or(AttributeValue::Null, |text| AttributeValue::Str(Cow::Owned(text))))
}

fn sequence(items: &Bound<'_, PyAny>, depth: usize) -> Option<AttributeValue> {
    let mut values = Vec::new();
    for item in items.try_iter().ok()? {
        values.push(from_value(&item.ok()?, depth + 1)?);
    }
    Some(AttributeValue::Array(values))
}

fn integer(value: &Bound<'_, PyInt>) -> Option<AttributeValue> {
    if let Ok(value) = value.extract::<i64>() {
        return Some(AttributeValue::I64(value));
    }
    log::warning_once(
        value.py(),
        "wide integer",
        "An integer attribute does not fit in 64 bits; it is kept as a string, or dropped if Python refuses to print it.",
    );
    value.str().ok().map(|digits| AttributeValue::Str(Cow::Owned(text(&digits))))
}

/// The text of a Python string, lossily where it holds surrogates.
pub fn text(text: &Bound<'_, PyString>) -> String {
    text.to_str().map_or_else(|_| text.to_string_lossy().into_owned(), str::to_owned)
}

/// The text of anything, through its `str`; empty if that fails.
pub fn display(value: &Bound<'_, PyAny>) -> String {
    value.str().map(|value| text(&value)).unwrap_or_default()
}

/// `str(value)`, unless that is the one of `object`, which says nothing.
fn custom_str(value: &Bound<'_, PyAny>) -> Option<String> {
    let class = value.get_type();
    let object = value.py().get_type::<PyAny>();
    let overrides = |method: &str| -> PyResult<bool> { Ok(!class.getattr(method)?.is(&object.getattr(method)?)) };
    let custom = overrides("__str__").unwrap_or(false) || overrides("__repr__").unwrap_or(false);
    custom.then(|| value.str().ok().map(|value| text(&value))).flatten()
}

/// A value as a Python object: sequences are tuples.
pub fn to_python<'py>(py: Python<'py>, value: &AttributeValue) -> PyResult<Bound<'py, PyAny>> {
    match value {
        AttributeValue::Null => Ok(py.None().into_bound(py)),
        AttributeValue::Bool(value) => value.into_bound_py_any(py),
        AttributeValue::I64(value) => value.into_bound_py_any(py),
        AttributeValue::F64(value) => value.into_bound_py_any(py),
        AttributeValue::Str(value) => value.as_ref().into_bound_py_any(py),
        AttributeValue::Stack(stack) => stack.to_text().into_bound_py_any(py),
        AttributeValue::Bytes(value) => Ok(PyBytes::new(py, value).into_any()),
        AttributeValue::Array(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyTuple::new(py, items)?.into_any())
        }
        AttributeValue::Map(entries) => {
            let dict = PyDict::new(py);
            for (key, value) in entries {
                dict.set_item(key.as_ref(), to_python(py, value)?)?;
            }
            Ok(dict.into_any())
        }
    }
}

/// Attributes as a dictionary.
pub fn to_dict<'py>(py: Python<'py>, attributes: &Attributes) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in attributes.iter() {
        dict.set_item(key, to_python(py, value)?)?;
    }
    Ok(dict)
}

/// Attributes as a read-only mapping.
pub fn to_mapping_proxy<'py>(py: Python<'py>, attributes: &Attributes) -> PyResult<Bound<'py, PyAny>> {
    api(py)?.mapping_proxy.bind(py).call1((to_dict(py, attributes)?,))
}
