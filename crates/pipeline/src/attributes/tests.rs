use opentelemetry::{Array, KeyValue, Value};

use super::*;

const TWO: AttributeLimits = AttributeLimits { count: Some(2), value_length: None };

fn keys(attributes: &Attributes) -> Vec<&str> {
    attributes.iter().map(|(key, _)| key).collect()
}

#[test]
fn the_last_write_wins_and_moves_to_the_end() {
    let mut attributes: Attributes = [("a", 1_i64), ("b", 2)].into_iter().collect();
    attributes.set("a", 3_i64.into(), TWO);
    assert_eq!(keys(&attributes), ["b", "a"]);
    assert_eq!(attributes.get("a"), Some(&AttributeValue::I64(3)));
    assert_eq!(attributes.dropped(), 0);
}

#[test]
fn a_full_collection_drops_its_oldest() {
    let mut attributes: Attributes = [("a", 1_i64), ("b", 2)].into_iter().collect();
    attributes.set("c", 3_i64.into(), TWO);
    assert_eq!(keys(&attributes), ["b", "c"]);
    assert_eq!(attributes.dropped(), 1);
}

#[test]
fn a_limit_of_nothing_keeps_nothing() {
    let mut attributes = Attributes::default();
    attributes.set("a", true.into(), AttributeLimits { count: Some(0), value_length: None });
    assert!(attributes.is_empty());
    assert_eq!(attributes.dropped(), 1);
}

#[test]
fn length_counts_characters_and_reaches_inside() {
    let limits = AttributeLimits { count: None, value_length: Some(2) };
    let mut attributes = Attributes::default();
    attributes.set("static", "äöü".into(), limits);
    attributes.set("owned", String::from("äöü").into(), limits);
    attributes.set("array", AttributeValue::Array(vec!["abc".into(), 1_i64.into()]), limits);
    assert_eq!(attributes.get("static"), Some(&"äö".into()));
    assert_eq!(attributes.get("owned"), Some(&"äö".into()));
    assert_eq!(attributes.get("array"), Some(&AttributeValue::Array(vec!["ab".into(), 1_i64.into()])));
}

#[test]
fn what_the_rust_sdk_lacks_is_rendered() {
    let attributes: Attributes = [
        ("null", AttributeValue::Null),
        ("bytes", AttributeValue::Bytes(vec![0, 0xab])),
        ("map", AttributeValue::Map(vec![("k".into(), 1.5.into())])),
        ("ints", AttributeValue::Array(vec![1_i64.into(), 2_i64.into()])),
        ("mixed", AttributeValue::Array(vec![1_i64.into(), "x".into(), AttributeValue::Null])),
        ("empty", AttributeValue::Array(vec![])),
    ]
    .into_iter()
    .collect();
    let strings = |items: &[&'static str]| Array::String(items.iter().map(|item| (*item).into()).collect());
    assert_eq!(
        Vec::<KeyValue>::from(attributes),
        [
            KeyValue::new("bytes", "00ab"),
            KeyValue::new("map", r#"{"k": 1.5}"#),
            KeyValue::new("ints", Value::Array(vec![1_i64, 2].into())),
            KeyValue::new("mixed", Value::Array(strings(&["1", "x", "null"]))),
            KeyValue::new("empty", Value::Array(strings(&[]))),
        ]
    );
}

#[test]
fn json_is_as_python_writes_it() {
    let text = |value: AttributeValue| to_json(&value, None);
    assert_eq!(text("\"\\\n\u{8}\u{1}\u{7f}é\u{1f600}".into()), r#""\"\\\n\b\u0001\u007f\u00e9\ud83d\ude00""#);
    for (value, repr) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (0.1, "0.1"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(text(value.into()), repr);
    }
    let nested = AttributeValue::Map(vec![
        ("a".into(), AttributeValue::Array(vec![1_i64.into(), AttributeValue::Null])),
        ("b".into(), AttributeValue::Map(vec![])),
    ]);
    assert_eq!(to_json(&nested, Some(4)), "{\n    \"a\": [\n        1,\n        null\n    ],\n    \"b\": {}\n}");
    assert_eq!(to_json(&nested, None), r#"{"a": [1, null], "b": {}}"#);
}

#[test]
fn many_attributes_keep_the_rules_of_few() {
    let limits = AttributeLimits { count: Some(1000), value_length: None };
    let mut attributes = Attributes::default();
    for number in 0..1500_i64 {
        attributes.set(format!("key {number}"), number.into(), limits);
    }
    attributes.set("key 600", 1_i64.into(), limits);
    assert_eq!((attributes.len(), attributes.dropped()), (1000, 500));
    assert_eq!(attributes.get("key 499"), None);
    assert_eq!(attributes.get("key 600"), Some(&1_i64.into()));
    let keys: Vec<_> = attributes.iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!((keys[0].as_str(), keys[998].as_str(), keys[999].as_str()), ("key 500", "key 1499", "key 600"));
    assert_eq!(attributes.clone().into_iter().count(), 1000);
}

#[test]
fn an_indentation_is_bounded() {
    let json = to_json(&AttributeValue::Array(vec![1_i64.into()]), Some(usize::MAX));
    assert!(json.len() < 1000);
}
