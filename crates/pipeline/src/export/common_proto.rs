//! Attributes, scopes and resources on the wire (`opentelemetry.proto.common.v1`, `opentelemetry.proto.resource.v1`).

use opentelemetry_proto::tonic::common::v1 as proto;
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceProto;

use crate::attributes::{AttributeValue, Attributes, Key};
use crate::resource::Resource;
use crate::trace::Scope;

pub(super) fn resource(resource: &Resource) -> ResourceProto {
    ResourceProto { attributes: attributes(resource.attributes().clone()), ..Default::default() }
}

pub(super) fn scope(scope: &Scope) -> proto::InstrumentationScope {
    proto::InstrumentationScope {
        name: scope.name.to_string(),
        version: scope.version.to_string(),
        attributes: attributes(scope.attributes.clone()),
        dropped_attributes_count: 0,
    }
}

/// Takes the attributes, so that their strings move to the wire instead of being copied.
pub(super) fn attributes(attributes: Attributes) -> Vec<proto::KeyValue> {
    attributes.into_iter().map(key_value).collect()
}

fn key_value((key, value): (Key, AttributeValue)) -> proto::KeyValue {
    proto::KeyValue { key: key.into_owned(), value: Some(any_value(value)), key_strindex: 0 }
}

fn any_value(value: AttributeValue) -> proto::AnyValue {
    use proto::any_value::Value;
    let value = match value {
        AttributeValue::Null => None,
        AttributeValue::Bool(value) => Some(Value::BoolValue(value)),
        AttributeValue::I64(value) => Some(Value::IntValue(value)),
        AttributeValue::F64(value) => Some(Value::DoubleValue(value)),
        AttributeValue::Str(text) => Some(Value::StringValue(text.into_owned())),
        AttributeValue::Stack(stack) => Some(Value::StringValue(stack.to_text())),
        AttributeValue::Bytes(bytes) => Some(Value::BytesValue(bytes)),
        AttributeValue::Array(items) => {
            Some(Value::ArrayValue(proto::ArrayValue { values: items.into_iter().map(any_value).collect() }))
        }
        AttributeValue::Map(entries) => {
            Some(Value::KvlistValue(proto::KeyValueList { values: entries.into_iter().map(key_value).collect() }))
        }
    };
    proto::AnyValue { value }
}
