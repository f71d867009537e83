//! Attributes as they come through the table.

use std::borrow::Cow;

use otel_rs_abi::{KeyValue, StackFrame, Str, Value, ValueTag};
use otel_rs_pipeline::attributes::{AttributeLimits, AttributeValue, Attributes};
use otel_rs_pipeline::stack::{SourceLine, StackTrace};

/// The slice that a caller passed as pointer and length.
///
/// # Safety
///
/// `items` is null or points to `len` initialised elements that outlive `'a`.
pub unsafe fn slice<'a, T>(items: *const T, len: usize) -> &'a [T] {
    if items.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: guaranteed by the caller.
    unsafe { std::slice::from_raw_parts(items, len) }
}

/// The text, without a copy if it is static.
pub fn string(text: &Str<'_>) -> Cow<'static, str> {
    text.as_static().map_or_else(|| Cow::Owned(text.as_str().to_owned()), Cow::Borrowed)
}

/// The value; what is borrowed is copied.
pub fn value(value: &Value<'_>) -> AttributeValue {
    let value = match value.tag() {
        ValueTag::Null => None,
        ValueTag::Bool => value.as_bool().map(AttributeValue::Bool),
        ValueTag::I64 => value.as_i64().map(AttributeValue::I64),
        ValueTag::F64 => value.as_f64().map(AttributeValue::F64),
        ValueTag::Str => value.as_str().map(|text| AttributeValue::Str(string(&text))),
        ValueTag::StrList => value
            .as_list()
            .map(|items| AttributeValue::Array(items.iter().map(|item| AttributeValue::Str(string(item))).collect())),
        ValueTag::Stack => value.as_stack().map(|frames| stack(frames).into()),
    };
    value.unwrap_or(AttributeValue::Null)
}

fn stack(frames: &[StackFrame<'_>]) -> StackTrace {
    let mut stack = StackTrace::with_capacity(frames.len());
    for frame in frames {
        let source = if frame.in_file { SourceLine::InFile } else { SourceLine::Known(frame.source.as_str()) };
        stack.push(frame.file.as_str(), frame.function.as_str(), frame.line, source);
    }
    stack
}

/// All of them, within the limits.
pub fn collect(list: &[KeyValue<'_>], limits: AttributeLimits) -> Attributes {
    // Room for what instrumentations set before the end, so that the usual span allocates once.
    let mut attributes = Attributes::with_capacity(list.len() + 4);
    for attribute in list {
        attributes.set(string(&attribute.key), value(&attribute.value), limits);
    }
    attributes
}
