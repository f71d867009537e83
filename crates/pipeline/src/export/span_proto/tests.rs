use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use super::*;
use crate::attributes::{AttributeValue, Attributes};
use crate::trace::Status;

fn span(name: &'static str, origin: &Arc<Origin>) -> QueuedSpan {
    QueuedSpan::Record(Arc::new(SpanRecord {
        context: SpanContext { trace_id: [1; 16], span_id: [2; 8], ..SpanContext::default() },
        parent: None,
        name: name.into(),
        kind: SpanKind::Internal,
        start_ns: 1,
        end_ns: Some(2),
        attributes: [("key", AttributeValue::from("value"))].into_iter().collect::<Attributes>(),
        events: Default::default(),
        dropped_events: 0,
        links: Default::default(),
        dropped_links: 0,
        status: Status::default(),
        origin: Arc::clone(origin),
        successor: Default::default(),
    }))
}

fn origin(scope: &'static str, resource: &Arc<Resource>) -> Arc<Origin> {
    let scope = Scope { name: scope.into(), schema_url: "https://example.org/schema".into(), ..Scope::default() };
    Arc::new(Origin::new(Arc::new(scope), Arc::clone(resource)))
}

#[test]
fn spans_stand_under_their_scopes_in_the_order_of_each_scopes_first() {
    let resource = Arc::<Resource>::default();
    let (one, two) = (origin("one", &resource), origin("two", &resource));
    let spans = vec![span("a", &one), span("b", &two), span("c", &one)];

    let first = request(spans, &resource);
    let body = first.body.clone();
    // What an attempt that failed gives back makes the same request again.
    let again = request(first.into_spans(), &resource);
    assert_eq!(again.body, body);

    let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();

    let [resource_spans] = &request.resource_spans[..] else { panic!("{request:?}") };
    let scopes: Vec<_> = resource_spans
        .scope_spans
        .iter()
        .map(|scope| {
            let names: Vec<_> = scope.spans.iter().map(|span| span.name.as_str()).collect();
            (scope.scope.as_ref().unwrap().name.as_str(), scope.schema_url.as_str(), names)
        })
        .collect();
    let schema = "https://example.org/schema";
    assert_eq!(scopes, [("one", schema, vec!["a", "c"]), ("two", schema, vec!["b"])]);
    assert_eq!(resource_spans.scope_spans[0].spans[1].attributes[0].key, "key");
    assert!(resource_spans.resource.is_some());
}
