//! An attribute value.

use std::borrow::Cow;
use std::sync::Arc;

use super::Key;
use crate::stack::StackTrace;

/// What `opentelemetry.util.types.AnyValue` may be, integers outside 64 bits excepted.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// Python's `None`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    I64(i64),
    /// A float.
    F64(f64),
    /// A string.
    Str(Cow<'static, str>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A sequence, of mixed types if the caller gave such a one.
    Array(Vec<AttributeValue>),
    /// A mapping, in the order of its insertion.
    Map(Vec<(Key, AttributeValue)>),
    /// A stack trace, which is a string to everyone who reads it.
    Stack(Arc<StackTrace>),
}

impl AttributeValue {
    /// Cuts strings, those inside sequences and mappings too, to `length` characters.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Self::Str(text) => truncate(text, length),
            Self::Array(items) => items.iter_mut().for_each(|item| item.truncate(length)),
            Self::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.truncate(length)),
            Self::Stack(stack) => Arc::make_mut(stack).truncate(length),
            Self::Null | Self::Bool(_) | Self::I64(_) | Self::F64(_) | Self::Bytes(_) => {}
        }
    }
}

fn truncate(text: &mut Cow<'static, str>, length: usize) {
    // A string has at most as many characters as bytes, so most are settled without a scan.
    if text.len() <= length {
        return;
    }
    if let Some((end, _)) = text.char_indices().nth(length) {
        match text {
            Cow::Borrowed(text) => *text = &text[..end],
            Cow::Owned(text) => text.truncate(end),
        }
    }
}

impl From<bool> for AttributeValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for AttributeValue {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<f64> for AttributeValue {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl From<&'static str> for AttributeValue {
    fn from(value: &'static str) -> Self {
        Self::Str(Cow::Borrowed(value))
    }
}

impl From<String> for AttributeValue {
    fn from(value: String) -> Self {
        Self::Str(Cow::Owned(value))
    }
}

impl From<StackTrace> for AttributeValue {
    fn from(value: StackTrace) -> Self {
        Self::Stack(Arc::new(value))
    }
}

impl From<Cow<'static, str>> for AttributeValue {
    fn from(value: Cow<'static, str>) -> Self {
        Self::Str(value)
    }
}
