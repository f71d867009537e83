use std::sync::Arc;

use super::super::{Event, Link, Origin, Scope, Status};
use super::*;

#[test]
fn a_span_is_printed_field_for_field() {
    let span = SpanRecord {
        context: SpanContext {
            trace_id: [0xab; 16],
            span_id: [1; 8],
            trace_state: Some("a=1,b=it's".into()),
            ..SpanContext::default()
        },
        parent: Some(SpanContext { span_id: [2; 8], ..SpanContext::default() }),
        name: "GET /".into(),
        kind: SpanKind::Server,
        start_ns: 1_735_689_599_123_456_789,
        end_ns: None,
        attributes: [("n", 1_i64)].into_iter().collect(),
        events: [Event { name: "e".into(), time_ns: 0, attributes: Attributes::default() }].into(),
        dropped_events: 0,
        links: [Link { context: SpanContext::default(), attributes: Attributes::default() }].into(),
        dropped_links: 0,
        status: Status { code: StatusCode::Error, description: Some("no".into()) },
        successor: Default::default(),
        origin: Arc::new(Origin::new(
            Arc::new(Scope::default()),
            Arc::new(Resource::new([("service.name", "s")].into_iter().collect(), "")),
        )),
    };
    let expected = concat!(
        r#"{"name": "GET /", "context": {"trace_id": "0xabababababababababababababababab", "#,
        r#""span_id": "0x0101010101010101", "trace_state": "['{key=a, value=1}', \"{key=b, value=it's}\"]"}, "#,
        r#""kind": "SpanKind.SERVER", "parent_id": "0x0202020202020202", "#,
        r#""start_time": "2024-12-31T23:59:59.123457Z", "end_time": null, "#,
        r#""status": {"status_code": "ERROR", "description": "no"}, "attributes": {"n": 1}, "#,
        r#""events": [{"name": "e", "timestamp": "1970-01-01T00:00:00.000000Z", "attributes": {}}], "#,
        r#""links": [{"context": {"trace_id": "0x00000000000000000000000000000000", "#,
        r#""span_id": "0x0000000000000000", "trace_state": "[]"}, "attributes": {}}], "#,
        r#""resource": {"attributes": {"service.name": "s"}, "schema_url": ""}}"#
    );
    assert_eq!(span_json(&span, None), expected);
}
