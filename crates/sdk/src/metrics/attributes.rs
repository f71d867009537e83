//! Attributes of measurements, from the ABI and from Python.

use std::borrow::Cow;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};
use otel_rs_abi::{KeyValue as AbiKeyValue, Str, ValueTag};
use otel_rs_pipeline::attributes::AttributeLimits;
use pyo3::prelude::*;

use crate::attributes;

/// The text, not copied if it lives as long as the process.
pub(super) fn text(text: Str<'_>) -> Cow<'static, str> {
    text.as_static().map_or_else(|| Cow::Owned(text.as_str().to_owned()), Cow::Borrowed)
}

/// Attributes of the ABI; a null one is left out, and a stack trace, which tells no measurements apart.
pub(super) fn from_abi(attributes: &[AbiKeyValue<'_>]) -> Vec<KeyValue> {
    let key_value = |attribute: &AbiKeyValue<'_>| {
        let value = match attribute.value.tag() {
            ValueTag::Null | ValueTag::Stack => return None,
            ValueTag::Bool => Value::Bool(attribute.value.as_bool()?),
            ValueTag::I64 => Value::I64(attribute.value.as_i64()?),
            ValueTag::F64 => Value::F64(attribute.value.as_f64()?),
            ValueTag::Str => Value::String(string(attribute.value.as_str()?)),
            ValueTag::StrList => {
                let items = attribute.value.as_list()?.iter().map(|item| string(*item));
                Value::Array(Array::String(items.collect()))
            }
        };
        let key = match attribute.key.as_static() {
            Some(key) => Key::from_static_str(key),
            None => Key::new(attribute.key.as_str().to_owned()),
        };
        Some(KeyValue::new(key, value))
    };
    attributes.iter().filter_map(key_value).collect()
}

/// Attributes of a Python mapping, or none from `None`.
pub(super) fn from_python(mapping: Option<&Bound<'_, PyAny>>) -> Vec<KeyValue> {
    match mapping {
        Some(mapping) if !mapping.is_none() => {
            attributes::from_mapping(Some(mapping)).into_attributes(AttributeLimits::default()).into()
        }
        _ => Vec::new(),
    }
}

fn string(text: Str<'_>) -> StringValue {
    text.as_static().map_or_else(|| StringValue::from(text.as_str().to_owned()), StringValue::from)
}
