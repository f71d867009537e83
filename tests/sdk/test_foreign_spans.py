"""Spans that are not ours, or were copied, in our processors and exporters."""

import logging
from types import SimpleNamespace
from typing import Any

import otel_rs_sdk
import pytest
from opentelemetry.sdk.resources import Resource as StockResource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor as StockMultiSpanProcessor
from opentelemetry.sdk.trace import TracerProvider as StockTracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor as StockSimpleSpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult as StockSpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from otel_rs_sdk import BatchSpanProcessor, OTLPSpanExporter, SimpleSpanProcessor, SpanExportResult

from sdk.recording import provider
from support.otlp_receiver import OtlpReceiver, attributes_of

CONTEXT = SpanContext(1, 2, False, TraceFlags(1))
PARENT = SpanContext(1, 3, True, TraceFlags(1))
PARTS: dict[str, Any] = {
    "name": "copy",
    "context": CONTEXT,
    "parent": PARENT,
    "resource": StockResource({"service.name": "other"}),
    "attributes": {"n": 1, "list": ["a"]},
    "events": [Event("seen", {"x": 1}, 5)],
    "links": [Link(PARENT, {"y": 2})],
    "kind": SpanKind.SERVER,
    "status": Status(StatusCode.ERROR, "broken"),
    "start_time": 10,
    "end_time": 20,
    "instrumentation_scope": InstrumentationScope("another", "2.0"),
}


def exporter(receiver: OtlpReceiver) -> OTLPSpanExporter:
    return OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")


def by_batch(receiver: OtlpReceiver, span: Any) -> None:
    processor = BatchSpanProcessor(exporter(receiver))
    processor.on_end(span)
    processor.shutdown()


def by_simple(receiver: OtlpReceiver, span: Any) -> None:
    SimpleSpanProcessor(exporter(receiver)).on_end(span)


def by_export(receiver: OtlpReceiver, span: Any) -> None:
    assert exporter(receiver).export([span]) is SpanExportResult.SUCCESS


roads = pytest.mark.parametrize("road", [by_batch, by_simple, by_export])


@roads
@pytest.mark.parametrize("make", [ReadableSpan, SimpleNamespace], ids=["readable", "any"])
def test_whatever_reads_like_a_span_is_exported(road: Any, make: Any, receiver: OtlpReceiver) -> None:
    road(receiver, make(**PARTS))
    [span] = receiver.spans
    message = span.message
    assert (span.name, span.trace_id, span.span_id, span.parent_id) == ("copy", f"{1:032x}", f"{2:016x}", f"{3:016x}")
    assert (span.kind, span.status, message.status.message) == ("SERVER", "ERROR", "broken")
    assert (message.start_time_unix_nano, message.end_time_unix_nano) == (10, 20)
    assert span.attributes == {"n": 1, "list": ("a",)}
    assert [(event.name, event.time_unix_nano) for event in message.events] == [("seen", 5)]
    assert [attributes_of(link.attributes) for link in message.links] == [{"y": 2}]
    assert (span.resource, span.scope.name, span.scope.version) == ({"service.name": "other"}, "another", "2.0")


@roads
def test_spans_of_the_stock_sdk(road: Any, receiver: OtlpReceiver) -> None:
    class Forward(StockSimpleSpanProcessor):
        def __init__(self) -> None:
            pass

        def on_end(self, span: ReadableSpan) -> None:
            road(receiver, span)

        def shutdown(self) -> None:
            pass

    stock = StockTracerProvider(shutdown_on_exit=False)
    stock.add_span_processor(Forward())
    with stock.get_tracer("scope").start_as_current_span("span", attributes={"n": 1}):
        pass
    assert [(span.name, span.attributes) for span in receiver.spans] == [("span", {"n": 1})]


def test_a_processor_that_passes_copies_on(receiver: OtlpReceiver) -> None:
    class Copying(otel_rs_sdk.SpanProcessor):
        def on_end(self, span: Any) -> None:
            copy = ReadableSpan(name="copy", context=span.context, attributes={"n": 2}, resource=span.resource)
            inner.on_end(copy)

        def shutdown(self) -> None:
            inner.shutdown()

    inner = BatchSpanProcessor(exporter(receiver))
    one = provider(resource=otel_rs_sdk.Resource({"service.name": "shop"}))
    one.add_span_processor(Copying())
    one.get_tracer("scope").start_span("span").end()
    one.shutdown()
    [span] = receiver.spans
    assert (span.name, span.attributes, span.resource) == ("copy", {"n": 2}, {"service.name": "shop"})


def test_our_processor_in_the_stock_sdk_and_in_its_composite(receiver: OtlpReceiver) -> None:
    inner = BatchSpanProcessor(exporter(receiver))
    composite: Any = StockMultiSpanProcessor()  # type: ignore[no-untyped-call]
    composite.add_span_processor(inner)
    one = provider(active_span_processor=composite)
    stock = StockTracerProvider(shutdown_on_exit=False, active_span_processor=composite)
    for tracer in (one.get_tracer("scope"), stock.get_tracer("scope")):
        tracer.start_span("span").end()
    inner.shutdown()
    assert [span.name for span in receiver.spans] == ["span", "span"]


@roads
@pytest.mark.parametrize("broken", ["context", "attributes"])
def test_what_does_not_read_like_a_span_is_left_out(
    road: Any, broken: str, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(SimpleNamespace):
        pass

    Broken.__name__ = f"Broken{broken}{road.__name__}"
    parts = {**PARTS, broken: 5}
    for _ in range(2):
        road(receiver, Broken(**parts))
    assert receiver.spans == []
    [line] = [line.getMessage() for line in caplog.records if line.levelno == logging.WARNING]
    assert line.startswith(f"otel-rs: A span of the class `{Broken.__name__}` is not exported")


def test_spans_that_are_not_sampled_stay_out_of_processors(receiver: OtlpReceiver) -> None:
    context = SpanContext(1, 2, False, TraceFlags(0))
    by_batch(receiver, ReadableSpan(**{**PARTS, "context": context}))
    assert receiver.spans == []


def test_an_exporter_of_ones_own_over_ours(receiver: OtlpReceiver) -> None:
    """Its ``export`` is called, and may call ours."""

    class OnlyPublic(OTLPSpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return super().export([span for span in spans if span.name != "secret"])

    one = provider()
    one.add_span_processor(SimpleSpanProcessor(OnlyPublic(endpoint=f"{receiver.endpoint}/v1/traces")))
    for name in ("public", "secret"):
        one.get_tracer("scope").start_span(name).end()
    one.shutdown()
    assert [span.name for span in receiver.spans] == ["public"]


def test_spans_of_several_resources_in_one_export(receiver: OtlpReceiver) -> None:
    resources = [StockResource({"service.name": name}) for name in ("a", "b", "a")]
    spans = [ReadableSpan(**{**PARTS, "resource": resource}) for resource in resources]
    assert exporter(receiver).export(spans) == StockSpanExportResult.SUCCESS
    assert sorted(span.resource["service.name"] for span in receiver.spans) == ["a", "a", "b"]
    assert len(receiver.paths) == 2


def test_an_export_that_fails_and_one_after_shutdown(receiver: OtlpReceiver) -> None:
    receiver.status = 400
    one = exporter(receiver)
    assert one.export([ReadableSpan(**PARTS)]) is SpanExportResult.FAILURE
    receiver.status = 200
    assert one.force_flush(1000)
    one.shutdown()
    one.shutdown()
    assert one.export([ReadableSpan(**PARTS)]) is SpanExportResult.FAILURE
    assert StockSpanExportResult.FAILURE == SpanExportResult.FAILURE != StockSpanExportResult.SUCCESS
    assert receiver.spans == []
