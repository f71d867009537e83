"""What span processors write into the private fields of spans is what is exported, as with the stock SDK."""

import gc
import logging
import weakref
from collections.abc import Callable
from typing import Any

import opentelemetry.sdk.trace as stock
import otel_rs_sdk
import pytest
from flask import Flask
from opentelemetry.sdk.resources import Resource as StockResource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor as StockSimpleSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope as StockScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, get_current_span
from otel_rs_instr_flask import FlaskInstrumentor

from sdk.two_sdks import NATIVE, STOCK, Sdk, both_sdks
from support.otlp_receiver import OtlpReceiver, ReceivedSpan, attributes_of

Write = Callable[[Any], object]


class Writer(stock.SpanProcessor):
    """Does something to spans at one of the three moments."""

    def __init__(self, write: Write, moment: str = "on_end") -> None:
        self._write, self._moment = write, moment

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self._moment == "on_start":
            self._write(span)

    def _on_ending(self, span: Any) -> None:
        if self._moment == "_on_ending":
            self._write(span)

    def on_end(self, span: Any) -> None:
        if self._moment == "on_end":
            self._write(span)


SIMPLE = {"stock": StockSimpleSpanProcessor, "native": otel_rs_sdk.SimpleSpanProcessor}


def exported(sdk: Sdk, receiver: OtlpReceiver, *order: Any) -> list[ReceivedSpan]:
    """What arrives of a program's span if its provider has these processors; two names stand for exporting ones."""
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    for processor in order:
        if isinstance(processor, str):
            exporter = sdk.OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")
            simple = SIMPLE["stock" if sdk is STOCK else "native"]
            processor = {"batch": sdk.BatchSpanProcessor, "simple": simple}[processor](exporter)
        provider.add_span_processor(processor)
    link = Link(SpanContext(1, 2, False, TraceFlags(1)), {"email": "jo"})
    tracer = provider.get_tracer("scope", "1.0")
    with tracer.start_as_current_span("GET /jo", attributes={"email": "jo", "n": 1}, links=[link]) as span:
        span.add_event("seen", {"email": "jo"}, 5)
        span.set_status(Status(StatusCode.ERROR, "jo failed"))
    provider.shutdown()
    return receiver.spans


def replace_attributes(span: Any) -> None:
    span._attributes = {key: "-" if key == "email" else value for key, value in span.attributes.items()}


exporting = pytest.mark.parametrize("exporting", ["batch", "simple"])


@both_sdks
@exporting
def test_replaced_attributes_and_name(sdk: Sdk, exporting: str, receiver: OtlpReceiver) -> None:
    def scrub(span: Any) -> None:
        replace_attributes(span)
        span._name = "GET /-"

    [span] = exported(sdk, receiver, Writer(scrub), exporting)
    assert (span.name, span.attributes) == ("GET /-", {"email": "-", "n": 1})


@both_sdks
def test_every_other_field(sdk: Sdk, receiver: OtlpReceiver) -> None:
    context, parent = SpanContext(7, 8, False, TraceFlags(1)), SpanContext(7, 9, True, TraceFlags(1))

    def write(span: Any) -> None:
        span._context, span._parent, span._kind = context, parent, SpanKind.CLIENT
        span._start_time, span._end_time = 1, 2
        span._status = Status(StatusCode.OK)
        span._events = [stock.Event("other", {"email": "-"}, 3)]
        span._links = [Link(parent, {"email": "-"})]
        span._resource = StockResource({"service.name": "other"})
        span._instrumentation_scope = StockScope("another", "2.0")
        assert (span.context, span.parent, span.kind, span.start_time) == (context, parent, SpanKind.CLIENT, 1)
        assert (span.status.status_code, span.events[0].name) == (StatusCode.OK, "other")
        assert span.resource.attributes == {"service.name": "other"}

    [span] = exported(sdk, receiver, Writer(write), "batch")
    message = span.message
    assert (span.trace_id, span.span_id, span.parent_id) == (f"{7:032x}", f"{8:016x}", f"{9:016x}")
    assert (span.kind, message.start_time_unix_nano, message.end_time_unix_nano) == ("CLIENT", 1, 2)
    assert (span.status, message.status.message) == ("OK", "")
    assert [(event.name, event.time_unix_nano) for event in message.events] == [("other", 3)]
    assert attributes_of(message.events[0].attributes) == {"email": "-"}
    assert [(link.span_id.hex(), attributes_of(link.attributes)) for link in message.links] == [
        (f"{9:016x}", {"email": "-"})
    ]
    assert (span.resource, span.scope.name, span.scope.version) == ({"service.name": "other"}, "another", "2.0")


def set_item(attributes: Any) -> None:
    attributes["email"] = "-"


def pop_and_update(attributes: Any) -> None:
    attributes.pop("email")
    attributes.update(email="-")


def delete_and_set(attributes: Any) -> None:
    del attributes["email"]
    attributes.setdefault("email", "-")


def through_dict(attributes: Any) -> None:
    attributes._dict = {**attributes._dict, "email": "-"}


@pytest.mark.parametrize("change", [set_item, pop_and_update, delete_and_set, through_dict])
@pytest.mark.parametrize("moment", ["on_start", "_on_ending", "on_end"])
def test_attributes_that_are_changed_in_place(change: Write, moment: str, receiver: OtlpReceiver) -> None:
    [span] = exported(NATIVE, receiver, Writer(lambda span: change(span._attributes), moment), "batch")
    assert span.attributes == {"email": "-", "n": 1}


@both_sdks
def test_a_running_span_goes_on_with_what_was_written(sdk: Sdk, receiver: OtlpReceiver) -> None:
    held: list[Any] = []

    def enrich(span: Any) -> None:
        held.append(span._attributes)
        span._attributes["tenant"] = "t"
        span.set_attribute("email", "+")
        assert span.attributes["email"] == held[0]["email"] == "+"
        held[0]["n"] = 2

    [span] = exported(sdk, receiver, Writer(enrich, "on_start"), "batch")
    assert span.attributes == {"tenant": "t", "email": "+", "n": 2}
    assert [event.name for event in span.message.events] == ["seen"]
    assert (span.status, span.message.status.message) == ("ERROR", "jo failed")


@both_sdks
@pytest.mark.parametrize("moment", ["_on_ending", "on_end"])
def test_events_and_status_that_are_changed_in_place(sdk: Sdk, moment: str, receiver: OtlpReceiver) -> None:
    def scrub(span: Any) -> None:
        for event in span.events:
            event._attributes = {"email": "-"}
            event._name = "heard"
        span._status._description = "- failed"

    [span] = exported(sdk, receiver, Writer(scrub, moment), "batch")
    [event] = span.message.events
    assert (event.name, attributes_of(event.attributes), event.time_unix_nano) == ("heard", {"email": "-"}, 5)
    assert span.message.status.message == "- failed"


@both_sdks
def test_our_own_events_in_the_place_of_others(sdk: Sdk, receiver: OtlpReceiver) -> None:
    event = {"stock": stock.Event, "native": otel_rs_sdk.Event}["stock" if sdk is STOCK else "native"]

    def scrub(span: Any) -> None:
        span._events = [event(old.name, {"email": "-"}, old.timestamp) for old in span.events]

    [span] = exported(sdk, receiver, Writer(scrub), "batch")
    assert [(event.name, attributes_of(event.attributes)) for event in span.message.events] == [
        ("seen", {"email": "-"})
    ]


@both_sdks
def test_later_processors_see_it_and_the_last_write_counts(sdk: Sdk, receiver: OtlpReceiver) -> None:
    seen: list[Any] = []

    def look(span: Any) -> None:
        seen.append((span.name, dict(span.attributes), "GET /-" in span.to_json()))
        span._name = "GET"

    def scrub(span: Any) -> None:
        replace_attributes(span)
        span._name = "GET /-"

    [span] = exported(sdk, receiver, Writer(scrub), Writer(look), "batch")
    assert seen == [("GET /-", {"email": "-", "n": 1}, True)]
    assert (span.name, span.attributes) == ("GET", {"email": "-", "n": 1})


@both_sdks
def test_a_scrubber_after_the_exporting_processor(sdk: Sdk, receiver: OtlpReceiver) -> None:
    """What waits in a queue is what is written; what an earlier processor has sent stays sent."""
    simple, batch = exported(sdk, receiver, "simple", "batch", Writer(replace_attributes))
    assert simple.attributes == {"email": "jo", "n": 1}
    assert batch.attributes == {"email": "-", "n": 1}


def replace_late(span: Any) -> None:
    span._attributes = {"email": "-"}
    span.events[0]._attributes = {"email": "-"}


def change_late(span: Any) -> None:
    span._attributes["email"] = "-"
    span.events[0]._attributes.update(email="-")


@pytest.mark.parametrize(
    ("sdk", "write"), [(STOCK, replace_late), (NATIVE, replace_late), (NATIVE, change_late)], ids=["stock", "=", "[]="]
)
def test_a_write_after_the_end_and_before_the_export(sdk: Sdk, write: Write, receiver: OtlpReceiver) -> None:
    kept: list[Any] = []
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    exporter = sdk.OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")
    provider.add_span_processor(sdk.BatchSpanProcessor(exporter))
    provider.add_span_processor(Writer(kept.append))
    span = provider.get_tracer("scope").start_span("GET /jo", attributes={"email": "jo"})
    span.add_event("seen", {"email": "jo"})
    span.end()
    kept[0]._name = "GET /-"
    write(kept[0])
    provider.shutdown()
    [received] = receiver.spans
    assert (received.name, received.attributes) == ("GET /-", {"email": "-"})
    assert attributes_of(received.message.events[0].attributes) == {"email": "-"}


def fail_after(write: Write) -> Write:
    def scrub(span: Any) -> None:
        write(span)
        raise LookupError("no such rule")

    return scrub


@pytest.mark.parametrize(
    "write",
    [
        lambda span: setattr(span, "_attributes", 5),
        lambda span: setattr(span, "_events", [object()]),
        lambda span: setattr(span, "_kind", "client"),
        lambda span: setattr(span, "_context", None),
        lambda span: span.attributes.update(email="-"),
        lambda span: setattr(span, "attributes", {}),
        fail_after(replace_attributes),
    ],
    ids=["attributes", "events", "kind", "context", "view", "property", "half"],
)
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_span_that_could_not_be_written_is_not_exported(write: Write, order: str, receiver: OtlpReceiver) -> None:
    processors = [Writer(write), "batch"] if order == "before" else ["batch", Writer(write)]
    assert exported(NATIVE, receiver, *processors) == []


def test_one_line_says_that_a_span_is_not_exported(receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        exported(NATIVE, receiver, Writer(lambda span: setattr(span, "_links", 5)), "batch")
    [line] = [line for line in caplog.records if line.levelno == logging.WARNING]
    assert line.getMessage().startswith("otel-rs: A span is not exported: ")
    assert "_links" in line.getMessage()


def test_a_processor_that_only_fails_withholds_nothing(receiver: OtlpReceiver) -> None:
    def fail(span: Any) -> None:
        assert (len(span.events), len(span.links), span.attributes["n"]) == (1, 1, 1)
        raise LookupError(span.name)

    [span] = exported(NATIVE, receiver, Writer(fail), "batch")
    assert span.attributes == {"email": "jo", "n": 1}


def test_spans_and_events_with_fields_are_collected() -> None:
    class Marker:
        pass

    provider = otel_rs_sdk.TracerProvider(shutdown_on_exit=False)
    span: Any = provider.get_tracer("scope").start_span("span")
    span.add_event("event")
    marker = Marker()
    gone = weakref.ref(marker)
    span._attributes["self"] = (span, marker)
    span.events[0]._attributes = {"self": span}
    del span, marker
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("kept", [False, True], ids=["changed", "replaced"])
def test_requests_that_an_instrumentation_records(kept: bool, receiver: OtlpReceiver) -> None:
    """It writes into the span without passing through Python, also where a processor holds the attributes."""
    app = Flask(__name__)

    @app.get("/user")
    def user() -> str:
        get_current_span().add_event("seen", {"email": "jo"})
        raise LookupError("jo")

    def begin(span: Any) -> None:
        if kept:
            span._attributes = {**span.attributes, "tenant": "t"}
        else:
            span._attributes["tenant"] = "t"
        assert span.events == ()

    def scrub(span: Any) -> None:
        span._attributes["http.target"] = "/user?-"
        for event in span.events:
            event._attributes = {}

    exporter = otel_rs_sdk.OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")
    provider = otel_rs_sdk.TracerProvider(shutdown_on_exit=False)
    for processor in (Writer(begin, "on_start"), Writer(scrub), otel_rs_sdk.BatchSpanProcessor(exporter)):
        provider.add_span_processor(processor)
    FlaskInstrumentor().instrument_app(app, tracer_provider=provider)
    try:
        assert app.test_client().get("/user?email=jo").status_code == 500
    finally:
        FlaskInstrumentor().uninstrument_app(app)
    provider.shutdown()
    [span] = receiver.spans
    attributes = span.attributes
    assert (attributes["tenant"], attributes["http.target"]) == ("t", "/user?-")
    assert (attributes["http.status_code"], attributes["http.route"], span.status) == (500, "/user", "ERROR")
    assert span.message.events[0].name == "seen"
    assert all(not event.attributes for event in span.message.events)
