//! Attributes between Python and the pipeline, by the rules of `opentelemetry.attributes.BoundedAttributes`.
//!
//! Everything here may run Python code of the user's (`__str__`, a mapping's `items`), so no lock is held around it.

mod text;
mod value;

use std::borrow::Cow;

use otel_rs_core::guard::{self, Swallow};
use otel_rs_core::log;
use otel_rs_pipeline::attributes::{AttributeLimits, AttributeValue, Attributes, Key};
use otel_rs_pipeline::trace::Scope;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};

pub use text::{display, text};
use value::Reader;

use crate::api::api;

/// Most attributes that are read of one mapping, which may have no end.
const MAX_ATTRIBUTES: usize = 1_000_000;

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
        let own = self.entries.len();
        for (key, value) in other.entries {
            match self.entries[..own].iter_mut().find(|(present, _)| *present == key) {
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
    let py = mapping.py();
    let mut take = |key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| match mapping_key(key)
        .and_then(|key| Some((Cow::Owned(key), from_value(value)?)))
    {
        Some(attribute) => cleaned.entries.push(attribute),
        None => cleaned.dropped = cleaned.dropped.saturating_add(1),
    };
    if let Err(error) = for_each_item(mapping, MAX_ATTRIBUTES, &mut take)
        && !guard::pass_on(py, &error)
    {
        let message = format!("Attributes must be a mapping that can be read; some were dropped: {error}");
        log::warning_once(py, "attributes", &message);
    }
    cleaned
}

/// An instrumentation scope. What is no string is its string form; what is empty, `None` say, is absent.
pub fn scope(
    name: &Bound<'_, PyAny>,
    version: &Bound<'_, PyAny>,
    schema_url: &Bound<'_, PyAny>,
    attributes: Option<&Bound<'_, PyAny>>,
) -> Scope {
    let text = |value: &Bound<'_, PyAny>| -> Cow<'static, str> {
        let given = value.is_truthy().swallow(value.py()).unwrap_or(false);
        if given { Cow::Owned(display(value)) } else { Cow::Borrowed("") }
    };
    Scope {
        name: text(name),
        version: text(version),
        schema_url: text(schema_url),
        attributes: from_mapping(attributes).into_attributes(AttributeLimits::default()),
    }
}

/// Reads one attribute. `None`, logged, if the key is not a non-empty string or the value has no string form.
pub fn from_pair(key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Option<(Key, AttributeValue)> {
    let key = match key.cast::<PyString>() {
        Ok(key) if !key.is_empty().swallow(key.py()).unwrap_or(true) => text(key),
        _ => {
            let message =
                format!("invalid key `{}`. must be non-empty string. Dropping key from attributes.", display(key));
            log::log(key.py(), log::Level::Warning, &message);
            return None;
        }
    };
    Some((Cow::Owned(key), from_value(value)?))
}

/// A value; `None`, logged, if it is to be dropped.
fn from_value(value: &Bound<'_, PyAny>) -> Option<AttributeValue> {
    Reader::default().value(value)
}

/// Calls `take` with each item of a mapping, `most` of them at most.
fn for_each_item<'py>(
    mapping: &Bound<'py, PyAny>,
    most: usize,
    take: &mut dyn FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>),
) -> PyResult<()> {
    if let Ok(dict) = mapping.cast_exact::<PyDict>() {
        // A copy: reading a value may run code that changes the dictionary.
        for (key, value) in dict.copy()?.iter().take(most) {
            take(&key, &value);
        }
        return Ok(());
    }
    for item in mapping.call_method0("items")?.try_iter()?.take(most) {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
        take(&key, &value);
    }
    Ok(())
}

/// A key of a mapping: unlike the key of `set_attribute`, it may be anything with a string form.
fn mapping_key(key: &Bound<'_, PyAny>) -> Option<String> {
    let py = key.py();
    if let Ok(key) = key.cast::<PyString>() {
        if !key.is_empty().swallow(py).unwrap_or(true) {
            return Some(text(key));
        }
    } else if key.is_truthy().swallow(py).unwrap_or(false) {
        let message =
            format!("Invalid type `{}` for attribute key, must be a str. Its string form is used.", key.get_type());
        log::log(py, log::Level::Warning, &message);
        return value::custom_str(key);
    }
    let message =
        format!("invalid attribute key `{}`. must be non-empty string. Dropping key from attributes.", display(key));
    log::log(py, log::Level::Warning, &message);
    None
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
