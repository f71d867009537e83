//! Attributes, scopes and resources on the wire (`opentelemetry.proto.common.v1`, `opentelemetry.proto.resource.v1`).

use opentelemetry_proto::tonic::common::v1 as proto;
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceProto;

use crate::attributes::{AttributeValue, Attributes};
use crate::resource::Resource;
use crate::trace::Scope;

pub(super) fn resource(resource: &Resource) -> ResourceProto {
    ResourceProto { attributes: attributes(resource.attributes()), ..Default::default() }
}

pub(super) fn scope(scope: &Scope) -> proto::InstrumentationScope {
    proto::InstrumentationScope {
        name: scope.name.to_string(),
        version: scope.version.to_string(),
        attributes: attributes(&scope.attributes),
        dropped_attributes_count: 0,
    }
}

pub(super) fn attributes(attributes: &Attributes) -> Vec<proto::KeyValue> {
    attributes.iter().map(|(key, value)| key_value(key, value)).collect()
}

fn key_value(key: &str, value: &AttributeValue) -> proto::KeyValue {
    proto::KeyValue { key: key.to_owned(), value: Some(any_value(value)), key_strindex: 0 }
}

fn any_value(value: &AttributeValue) -> proto::AnyValue {
    use proto::any_value::Value;
    let value = match value {
        AttributeValue::Null => None,
        AttributeValue::Bool(value) => Some(Value::BoolValue(*value)),
        AttributeValue::I64(value) => Some(Value::IntValue(*value)),
        AttributeValue::F64(value) => Some(Value::DoubleValue(*value)),
        AttributeValue::Str(text) => Some(Value::StringValue(text.to_string())),
        AttributeValue::Bytes(bytes) => Some(Value::BytesValue(bytes.clone())),
        AttributeValue::Array(items) => {
            Some(Value::ArrayValue(proto::ArrayValue { values: items.iter().map(any_value).collect() }))
        }
        AttributeValue::Map(entries) => {
            let values = entries.iter().map(|(key, value)| key_value(key, value)).collect();
            Some(Value::KvlistValue(proto::KeyValueList { values }))
        }
    };
    proto::AnyValue { value }
}
