use std::collections::HashSet;
use std::sync::Arc;

use super::*;
use crate::attributes::Attributes;
use crate::resource::Resource;

fn record() -> SpanRecord {
    SpanRecord {
        context: SpanContext { trace_id: [1; 16], span_id: [2; 8], ..SpanContext::default() },
        parent: None,
        name: "name".into(),
        kind: SpanKind::Server,
        start_ns: 1,
        end_ns: Some(2),
        attributes: Attributes::default(),
        events: Default::default(),
        dropped_events: 0,
        links: Default::default(),
        dropped_links: 0,
        status: Status::default(),
        origin: Arc::new(Origin::new(Arc::new(Scope::default()), Arc::new(Resource::default()))),
        successor: Default::default(),
    }
}

fn limits(max: usize) -> SpanLimits {
    SpanLimits { max_events: Some(max), max_links: Some(max), ..SpanLimits::default() }
}

#[test]
fn ids_differ_and_are_valid() {
    let traces: HashSet<_> = (0..1000).map(|_| random_trace_id()).collect();
    let spans: HashSet<_> = (0..1000).map(|_| random_span_id()).collect();
    assert_eq!((traces.len(), spans.len()), (1000, 1000));
    assert!(!traces.contains(&[0; 16]) && !spans.contains(&[0; 8]));
}

#[test]
fn the_oldest_event_makes_room() {
    let mut record = record();
    for name in ["a", "b", "c"] {
        record.add_event(Event { name: name.into(), time_ns: 1, attributes: Attributes::default() }, &limits(2));
    }
    assert_eq!(record.events.iter().map(|event| &*event.name).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(record.dropped_events, 1);
    record.events.clear();
    record.add_event(Event { name: "d".into(), time_ns: 1, attributes: Attributes::default() }, &limits(0));
    assert!(record.events.is_empty());
    assert_eq!(record.dropped_events, 2);
}

#[test]
fn ok_is_final_and_unset_changes_nothing() {
    let error = Status { code: StatusCode::Error, description: Some("why".into()) };
    let mut record = record();
    record.set_status(error.clone());
    record.set_status(Status::default());
    assert_eq!(record.status, error);
    record.set_status(Status { code: StatusCode::Ok, description: None });
    record.set_status(error);
    assert_eq!(record.status.code, StatusCode::Ok);
}

#[test]
fn a_ratio_samples_by_the_low_half_of_the_trace_id() {
    let sampler = RootSampler::TraceIdRatio(0.5);
    let id = |low: u64| u128::from(low).to_be_bytes();
    assert!(sampler.is_sampled(id(0)) && sampler.is_sampled(id((1 << 63) - 1)));
    assert!(!sampler.is_sampled(id(1 << 63)) && !sampler.is_sampled(id(u64::MAX)));
    assert!(RootSampler::TraceIdRatio(1.0).is_sampled(id(u64::MAX)));
    assert!(!RootSampler::TraceIdRatio(0.0).is_sampled(id(0)));
}

#[test]
fn a_parent_based_sampler_follows_the_parent() {
    let sampler: Sampler<()> = Sampler::parent_based(Sampler::Root(RootSampler::AlwaysOff));
    let sampled = |parent: Option<&SpanContext>| match sampler.delegate(parent) {
        Delegate::Root(root) => root.is_sampled([1; 16]),
        Delegate::Custom(()) => unreachable!(),
    };
    for is_remote in [false, true] {
        let parent = |trace_flags| SpanContext { is_remote, trace_flags, ..SpanContext::default() };
        assert!(sampled(Some(&parent(TraceFlags::SAMPLED))));
        assert!(!sampled(Some(&parent(TraceFlags::RANDOM_TRACE_ID))));
    }
    assert!(!sampled(None));
}

#[test]
fn a_record_that_was_replaced_is_exported_as_it_was_left() {
    let (first, second, third) = (Arc::new(record()), Arc::new(record()), Arc::new(record()));
    first.supersede(Some(Arc::clone(&second)));
    second.supersede(Some(Arc::clone(&third)));
    first.supersede(None);
    assert!(Arc::ptr_eq(first.latest_origin(), &third.origin));
    assert!(first.latest().is_some_and(|latest| Arc::ptr_eq(&latest, &third)));
    third.supersede(None);
    assert!(second.latest().is_none());
}
