//! An attribute set as a cache keeps it.

use otel_rs_abi::{KeyValue, Value, ValueTag};

/// Attributes with their own copies of what was borrowed.
#[derive(Debug)]
pub(super) struct OwnedAttributes(Vec<(String, OwnedValue)>);

#[derive(Debug)]
enum OwnedValue {
    Null,
    Bool(bool),
    I64(i64),
    F64(f64),
    Str(String),
    List(Vec<String>),
}

impl OwnedAttributes {
    pub(super) fn new(attributes: &[KeyValue<'_>]) -> Self {
        Self(attributes.iter().map(|kv| (kv.key.as_str().to_owned(), OwnedValue::new(&kv.value))).collect())
    }

    /// Whether these are the same attributes in the same order.
    pub(super) fn matches(&self, attributes: &[KeyValue<'_>]) -> bool {
        self.0.len() == attributes.len()
            && self
                .0
                .iter()
                .zip(attributes)
                .all(|((key, value), given)| key == given.key.as_str() && value.matches(&given.value))
    }
}

impl OwnedValue {
    fn new(value: &Value<'_>) -> Self {
        match value.tag() {
            // A stack trace is nothing that tells measurements apart.
            ValueTag::Null | ValueTag::Stack => Self::Null,
            ValueTag::Bool => Self::Bool(value.as_bool().unwrap_or_default()),
            ValueTag::I64 => Self::I64(value.as_i64().unwrap_or_default()),
            ValueTag::F64 => Self::F64(value.as_f64().unwrap_or_default()),
            ValueTag::Str => Self::Str(value.as_str().map(|text| text.as_str().to_owned()).unwrap_or_default()),
            ValueTag::StrList => {
                Self::List(value.as_list().unwrap_or_default().iter().map(|text| text.as_str().to_owned()).collect())
            }
        }
    }

    fn matches(&self, value: &Value<'_>) -> bool {
        match self {
            Self::Null => matches!(value.tag(), ValueTag::Null | ValueTag::Stack),
            Self::Bool(boolean) => value.as_bool() == Some(*boolean),
            Self::I64(integer) => value.as_i64() == Some(*integer),
            Self::F64(double) => value.as_f64().is_some_and(|other| other.to_bits() == double.to_bits()),
            Self::Str(text) => value.as_str().is_some_and(|other| other.as_str() == text),
            Self::List(items) => {
                value.as_list().is_some_and(|others| items.iter().eq(others.iter().map(|other| other.as_str())))
            }
        }
    }
}
