//! Reading one attribute value, within a budget: it may contain itself, and hold more than anybody can use.

use std::borrow::Cow;

use otel_rs_core::guard::Swallow;
use otel_rs_core::log;
use otel_rs_pipeline::attributes::AttributeValue;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyMapping, PySequence, PyString, PyTuple};

use super::text::{MAX_CHARACTERS, text};
use super::{for_each_item, mapping_key};

/// Deepest value.
const MAX_DEPTH: usize = 32;
/// Most items of a value, those of its sequences and mappings together.
const MAX_ITEMS: usize = 100_000;
/// Most bytes of a value's texts.
const MAX_BYTES: usize = 4 * MAX_CHARACTERS;

/// What is left to one value.
pub(super) struct Reader {
    depth: usize,
    items: usize,
    bytes: usize,
    /// It was not enough.
    exhausted: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self { depth: 0, items: MAX_ITEMS, bytes: MAX_BYTES, exhausted: false }
    }
}

impl Reader {
    /// The value; `None`, logged, if it cannot be read or exceeds the budget.
    pub(super) fn value(&mut self, value: &Bound<'_, PyAny>) -> Option<AttributeValue> {
        let read = self.read(value);
        if self.exhausted {
            let message = format!(
                "An attribute was dropped: its value is nested more than {MAX_DEPTH} times (it may contain itself), has \
                 more than {MAX_ITEMS} items, or more than {MAX_BYTES} bytes of text"
            );
            log::warning_once(value.py(), "attribute size", &message);
            return None;
        }
        read
    }

    fn read(&mut self, value: &Bound<'_, PyAny>) -> Option<AttributeValue> {
        if let Ok(value) = value.cast::<PyString>() {
            let text = text(value);
            self.spend_bytes(text.len())?;
            return Some(AttributeValue::Str(Cow::Owned(text)));
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
            self.spend_bytes(value.as_bytes().len())?;
            let mut copy = Vec::new();
            copy.try_reserve_exact(value.as_bytes().len()).ok()?;
            copy.extend_from_slice(value.as_bytes());
            return Some(AttributeValue::Bytes(copy));
        }
        if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() || value.cast::<PySequence>().is_ok() {
            return self.nested(|reader| reader.sequence(value));
        }
        if value.cast::<PyMapping>().is_ok() {
            return self.nested(|reader| reader.mapping(value));
        }
        let message = format!(
            "Invalid type `{}` for attribute value. Expected one of bool, str, None, bytes, int, float or a Mapping or \
             Sequence of those types. Its string form is used if it has one, None otherwise.",
            value.get_type()
        );
        log::log(value.py(), log::Level::Warning, &message);
        let Some(text) = custom_str(value) else { return Some(AttributeValue::Null) };
        self.spend_bytes(text.len())?;
        Some(AttributeValue::Str(Cow::Owned(text)))
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Option<AttributeValue>) -> Option<AttributeValue> {
        if self.depth == MAX_DEPTH {
            self.exhausted = true;
            return None;
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn sequence(&mut self, items: &Bound<'_, PyAny>) -> Option<AttributeValue> {
        let py = items.py();
        let mut values = Vec::new();
        for item in items.try_iter().swallow(py)? {
            self.spend_item()?;
            values.push(self.read(&item.swallow(py)?)?);
        }
        Some(AttributeValue::Array(values))
    }

    /// What cannot be read of a mapping is left out of it.
    fn mapping(&mut self, mapping: &Bound<'_, PyAny>) -> Option<AttributeValue> {
        let mut entries = Vec::new();
        // One more than there may be, so that too many are noticed.
        let most = self.items + 1;
        let mut take = |key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| {
            if self.spend_item().is_some()
                && let Some(key) = mapping_key(key)
                && self.spend_bytes(key.len()).is_some()
                && let Some(value) = self.read(value)
            {
                entries.push((Cow::Owned(key), value));
            }
        };
        for_each_item(mapping, most, &mut take).swallow(mapping.py())?;
        Some(AttributeValue::Map(entries))
    }

    fn spend_item(&mut self) -> Option<()> {
        self.items = self.checked(self.items, 1)?;
        Some(())
    }

    fn spend_bytes(&mut self, count: usize) -> Option<()> {
        self.bytes = self.checked(self.bytes, count)?;
        Some(())
    }

    fn checked(&mut self, left: usize, count: usize) -> Option<usize> {
        let left = if self.exhausted { None } else { left.checked_sub(count) };
        self.exhausted |= left.is_none();
        left
    }
}

fn integer(value: &Bound<'_, PyInt>) -> Option<AttributeValue> {
    let py = value.py();
    if let Some(value) = value.extract::<i64>().swallow(py) {
        return Some(AttributeValue::I64(value));
    }
    log::warning_once(
        py,
        "wide integer",
        "An integer attribute does not fit in 64 bits; it is kept as a string, or dropped if Python refuses to print it.",
    );
    value.str().swallow(py).map(|digits| AttributeValue::Str(Cow::Owned(text(&digits))))
}

/// `str(value)`, unless that is the one of `object`, which says nothing.
pub(super) fn custom_str(value: &Bound<'_, PyAny>) -> Option<String> {
    let py = value.py();
    let class = value.get_type();
    let object = py.get_type::<PyAny>();
    let overrides = |method: &str| -> PyResult<bool> { Ok(!class.getattr(method)?.is(&object.getattr(method)?)) };
    let custom =
        overrides("__str__").swallow(py).unwrap_or(false) || overrides("__repr__").swallow(py).unwrap_or(false);
    custom.then(|| value.str().swallow(py).map(|value| text(&value))).flatten()
}
