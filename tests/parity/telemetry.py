"""What a receiver got, in a form that two stacks can be compared in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from support.otlp_receiver import OtlpReceiver, ReceivedMetric, ReceivedSpan, attributes_of

LABEL = "test.label"
_REMOTE_TRACE = "0af7651916cd43dd8448eb211c80319c"
# What identifies an SDK, or differs from process to process.
_OWN_RESOURCE = (
    "telemetry.distro.name",
    "telemetry.distro.version",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "service.instance.id",
    LABEL,
)
_INSTRUMENTATION_FRAME = re.compile(
    r'^  File "[^"]*/(?:opentelemetry|otel_rs_\w+|tests/parity/wsgi_client)[^"]*", line \d+.*\n(?:    .*\n)*', re.M
)
# What is left of a stack trace that has no other frames.
_EMPTY_TRACE = re.compile(r"^Traceback \(most recent call last\):\n(?! )", re.M)

Comparable = dict[str, Any]


def by_label(receiver: OtlpReceiver) -> dict[str, Comparable]:
    """Spans and metric points of each label (one per scenario)."""
    spans: dict[str, list[ReceivedSpan]] = defaultdict(list)
    for span in receiver.spans:
        spans[str(span.resource.get(LABEL))].append(span)
    metrics: dict[str, list[ReceivedMetric]] = defaultdict(list)
    for metric in receiver.metrics:
        metrics[str(metric.resource.get(LABEL))].append(metric)
    return {label: {"spans": _spans(spans[label]), "metrics": _metrics(metrics[label])} for label in {*spans, *metrics}}


def _typed(attributes: dict[str, Any]) -> dict[str, str]:
    """Values as text that tells 1 from True and "1"."""
    return {key: repr(value) for key, value in sorted(attributes.items())}


def _resource(received: ReceivedSpan | ReceivedMetric) -> dict[str, str]:
    return _typed({key: value for key, value in received.resource.items() if key not in _OWN_RESOURCE})


def _spans(received: Iterable[ReceivedSpan]) -> list[Comparable]:
    """In order of their start, parents before children."""
    spans = sorted(received, key=lambda span: span.message.start_time_unix_nano)
    names = {span.span_id: f"{span.name} #{number}" for number, span in enumerate(spans)}
    traces: dict[str, str] = {}
    return [_span(span, names, traces) for span in spans]


def _span(span: ReceivedSpan, names: dict[str, str], traces: dict[str, str]) -> Comparable:
    message = span.message
    trace = span.trace_id if span.trace_id == _REMOTE_TRACE else traces.setdefault(span.trace_id, f"#{len(traces)}")
    start, end = message.start_time_unix_nano, message.end_time_unix_nano
    return {
        "name": span.name,
        "kind": span.kind,
        "trace": trace,
        "trace state": message.trace_state,
        "flags": message.flags,
        "parent": names.get(span.parent_id or "", span.parent_id),
        "status": [span.status, message.status.message],
        "attributes": _typed(span.attributes),
        "events": [_event(event, start <= event.time_unix_nano <= end) for event in message.events],
        "links": len(message.links),
        "dropped": [message.dropped_attributes_count, message.dropped_events_count, message.dropped_links_count],
        "ends after its start": 0 < start <= end,
        "scope": [span.scope.name, span.schema_url, _typed(attributes_of(span.scope.attributes))],
        "resource": _resource(span),
    }


def _event(event: Any, within_span: bool) -> Comparable:
    attributes = attributes_of(event.attributes)
    trace = attributes.get("exception.stacktrace")
    if isinstance(trace, str):
        attributes["exception.stacktrace"] = _EMPTY_TRACE.sub("", _INSTRUMENTATION_FRAME.sub("", trace))
    return {"name": event.name, "attributes": _typed(attributes), "within the span": within_span}


def _metrics(received: Iterable[ReceivedMetric]) -> dict[str, Comparable]:
    """The last state of each metric by scope and name."""
    latest: dict[str, ReceivedMetric] = {}
    points: dict[str, dict[str, Any]] = defaultdict(dict)
    for metric in received:
        key = f"{metric.scope.name} {metric.message.name}"
        latest[key] = metric
        for point in metric.points:
            points[key][repr(_typed(attributes_of(point.attributes)))] = point
    return {key: _metric(metric, points[key]) for key, metric in latest.items()}


def _metric(metric: ReceivedMetric, points: dict[str, Any]) -> Comparable:
    message = metric.message
    kind = message.WhichOneof("data")
    data = getattr(message, str(kind))
    describe = _histogram_point if kind == "histogram" else _number_point
    return {
        "unit": message.unit,
        "description": message.description,
        "kind": [kind, data.aggregation_temporality, _is_monotonic(message)],
        "scope": [metric.schema_url, _typed(attributes_of(metric.scope.attributes))],
        "resource": _resource(metric),
        "points": {attributes: describe(point) for attributes, point in sorted(points.items())},
    }


def _is_monotonic(message: Metric) -> bool | None:
    return message.sum.is_monotonic if message.HasField("sum") else None


def _number_point(point: Any) -> Comparable:
    field = point.WhichOneof("value")
    return {"type": field, "value": getattr(point, field), "ordered": _ordered(point)}


def _histogram_point(point: Any) -> Comparable:
    return {
        "count": point.count,
        "bounds": list(point.explicit_bounds),
        "buckets": len(point.bucket_counts),
        "in buckets": sum(point.bucket_counts),
        "sum is positive": point.sum >= 0,
        "whole numbers": point.sum == int(point.sum) and point.max == int(point.max),
        "min and max": point.HasField("min") and point.HasField("max") and point.min <= point.max,
        "ordered": _ordered(point),
    }


def _ordered(point: Any) -> bool:
    return bool(0 < point.start_time_unix_nano <= point.time_unix_nano)
