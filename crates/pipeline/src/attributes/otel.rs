//! Conversion to the attributes of the `opentelemetry` crate.
//!
//! Its values are scalars and arrays of one scalar type. What it lacks is rendered: a null attribute is left out, bytes
//! become lower-case hexadecimal, a mapping becomes JSON text, and an array of mixed types (or of sequences, mappings,
//! nulls) becomes an array of strings in which strings stay as they are and everything else is JSON text.

use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::json::to_json;
use super::{AttributeValue, Attributes};

impl From<Attributes> for Vec<KeyValue> {
    fn from(attributes: Attributes) -> Self {
        attributes
            .into_iter()
            .filter_map(|(key, value)| value.into_otel().map(|value| KeyValue::new(key, value)))
            .collect()
    }
}

impl AttributeValue {
    /// The nearest value of the `opentelemetry` crate; `None` for null.
    pub fn into_otel(self) -> Option<Value> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => Value::Bool(value),
            Self::I64(value) => Value::I64(value),
            Self::F64(value) => Value::F64(value),
            Self::Str(value) => Value::String(value.into()),
            Self::Stack(stack) => Value::String(stack.to_text().into()),
            Self::Bytes(bytes) => Value::String(hex(&bytes).into()),
            Self::Array(items) => Value::Array(array(items)),
            Self::Map(_) => Value::String(to_json(&self, None).into()),
        })
    }
}

impl From<&Value> for AttributeValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(value) => (*value).into(),
            Value::I64(value) => (*value).into(),
            Value::F64(value) => (*value).into(),
            Value::Array(Array::Bool(items)) => Self::Array(items.iter().map(|item| (*item).into()).collect()),
            Value::Array(Array::I64(items)) => Self::Array(items.iter().map(|item| (*item).into()).collect()),
            Value::Array(Array::F64(items)) => Self::Array(items.iter().map(|item| (*item).into()).collect()),
            Value::Array(Array::String(items)) => {
                Self::Array(items.iter().map(|item| item.as_str().to_owned().into()).collect())
            }
            // A string; or a kind of value that a later release of the crate adds, by its text.
            other => other.as_str().into_owned().into(),
        }
    }
}

/// Lower-case hexadecimal, as the Python SDK renders bytes in JSON.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

fn array(items: Vec<AttributeValue>) -> Array {
    match items.first() {
        Some(AttributeValue::Bool(_)) => scalars(&items, |item| match item {
            AttributeValue::Bool(value) => Some(*value),
            _ => None,
        })
        .map(Array::Bool),
        Some(AttributeValue::I64(_)) => scalars(&items, |item| match item {
            AttributeValue::I64(value) => Some(*value),
            _ => None,
        })
        .map(Array::I64),
        Some(AttributeValue::F64(_)) => scalars(&items, |item| match item {
            AttributeValue::F64(value) => Some(*value),
            _ => None,
        })
        .map(Array::F64),
        _ => None,
    }
    .unwrap_or_else(|| Array::String(items.into_iter().map(text).collect()))
}

fn scalars<T>(items: &[AttributeValue], scalar: impl Fn(&AttributeValue) -> Option<T>) -> Option<Vec<T>> {
    items.iter().map(scalar).collect()
}

fn text(item: AttributeValue) -> StringValue {
    match item {
        AttributeValue::Str(text) => text.into(),
        AttributeValue::Stack(stack) => stack.to_text().into(),
        AttributeValue::Bytes(bytes) => hex(&bytes).into(),
        other => to_json(&other, None).into(),
    }
}
