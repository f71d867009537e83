"""What the OTLP exporters put on the wire, and where they send it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from sdk.two_sdks import NATIVE, STOCK, Sdk, both_sdks
from support.oteltap_receiver import OtelTapReceiver
from support.otlp_receiver import OtlpReceiver

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"

REMOTE = SpanContext(0x1234, 0x5678, True, TraceFlags(1), TraceState([("k", "v"), ("a", "b")]))


def record_spans(tracer: Any) -> None:
    """Spans with all that a span can have."""
    context = trace.set_span_in_context(NonRecordingSpan(REMOTE))
    attributes: dict[str, Any] = {
        "text": "x",
        "integer": 1,
        "double": 1.5,
        "boolean": True,
        "texts": ["a", "b"],
        "integers": [1, 2],
        "mixed": [1, "a", None],
        "none": None,
        "bytes": b"\x01\x02",
        "mapping": {"a": 1, "b": [1, "x"]},
    }
    span = tracer.start_span(
        "server", context, kind=SpanKind.SERVER, attributes=attributes, links=[Link(REMOTE, {"l": 1})], start_time=1000
    )
    span.add_event("event", {"e": 1}, timestamp=2000)
    span.set_status(Status(StatusCode.ERROR, "bad"))
    span.end(3000)
    tracer.start_span("root", start_time=5).end(6)
    fine = tracer.start_span("fine", kind=SpanKind.CLIENT, start_time=7)
    fine.set_status(StatusCode.OK)
    fine.end(8)


def on_the_wire(sdk: Sdk, receiver: OtlpReceiver) -> list[dict[str, Any]]:
    """The spans of :func:`record_spans` as messages, without what is random."""
    seen = len(receiver.spans)
    resource = sdk.Resource({"service.name": "s", "bytes": b"x"}, "https://resource")
    with sdk.tracer(resource, endpoint=f"{receiver.endpoint}/v1/traces") as tracer:
        record_spans(tracer)
    messages = []
    for received in receiver.spans[seen:]:
        message = MessageToDict(received.message)
        del message["spanId"]
        if received.name != "server":
            del message["traceId"]
        messages.append({"span": message, "scope": MessageToDict(received.scope), "schema": received.schema_url})
    return messages


def test_a_span_has_the_fields_and_values_that_the_stock_exporter_sends(receiver: OtlpReceiver) -> None:
    assert on_the_wire(NATIVE, receiver) == on_the_wire(STOCK, receiver)
    resources = [span.resource for span in receiver.spans]
    assert resources == [{"service.name": "s", "bytes": b"x"}] * 6


def test_another_implementation_reads_it(oteltap: OtelTapReceiver) -> None:
    with NATIVE.tracer(endpoint=f"{oteltap.endpoint}/v1/traces") as tracer:
        record_spans(tracer)
    assert oteltap.wait_for(lambda tap: len(oteltap.tapped_spans) == 3)
    assert [span.name for span in oteltap.tapped_spans] == ["server", "root", "fine"]


@both_sdks
@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({ENDPOINT: ""}, "/v1/traces"),
        ({ENDPOINT: "/"}, "/v1/traces"),
        ({ENDPOINT: "/base"}, "/base/v1/traces"),
        ({ENDPOINT: "/base/"}, "/base/v1/traces"),
        ({TRACES_ENDPOINT: "/as/it/is"}, "/as/it/is"),
        ({TRACES_ENDPOINT: "/own", ENDPOINT: "/general"}, "/own"),
    ],
)
def test_path(
    sdk: Sdk, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], path: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, receiver.endpoint + value)
    with sdk.tracer() as tracer:
        tracer.start_span("s").end()
    assert receiver.paths == [path]


@both_sdks
def test_the_argument_wins_and_is_taken_as_it_is(
    sdk: Sdk, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACES_ENDPOINT, "http://127.0.0.1:1/")
    with sdk.tracer(endpoint=f"{receiver.endpoint}/mine") as tracer:
        tracer.start_span("s").end()
    assert receiver.paths == ["/mine"]


@both_sdks
def test_headers(sdk: Sdk, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "general=1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "Api-Key=a%20b%3D, authorization=Bearer a b,shared=env")
    with sdk.tracer(endpoint=f"{receiver.endpoint}/v1/traces", headers={"Shared": "argument"}) as tracer:
        tracer.start_span("s").end()
    headers = {name.lower(): value for name, value in receiver.headers[0].items()}
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["api-key"] == "a b="
    assert headers["authorization"] == "Bearer a b"
    assert headers["shared"] == "argument"
    assert "general" not in headers


@both_sdks
def test_credentials_in_the_url_become_a_header(sdk: Sdk, receiver: OtlpReceiver) -> None:
    endpoint = receiver.endpoint.replace("http://", "http://user:pass@")
    with sdk.tracer(endpoint=f"{endpoint}/v1/traces") as tracer:
        tracer.start_span("s").end()
    headers = {name.lower(): value for name, value in receiver.headers[0].items()}
    assert headers["authorization"] == "Basic dXNlcjpwYXNz"


@both_sdks
def test_gzip(sdk: Sdk, receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    with sdk.tracer(endpoint=f"{receiver.endpoint}/v1/traces") as tracer:
        tracer.start_span("compressed").end()
    headers = {name.lower(): value for name, value in receiver.headers[0].items()}
    assert headers["content-encoding"] == "gzip"
    assert [span.name for span in receiver.spans] == ["compressed"]


@pytest.mark.parametrize(
    "arguments", [{"timeout": 0}, {"timeout": -1}, {"compression": "brotli"}, {"compression": 7}, {"headers": 7}]
)
def test_an_argument_that_cannot_be_meant_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        NATIVE.OTLPSpanExporter(**arguments)


def test_the_compression_of_the_stock_exporter_is_understood(receiver: OtlpReceiver) -> None:
    from opentelemetry.exporter.otlp.proto.http import Compression

    with NATIVE.tracer(endpoint=f"{receiver.endpoint}/v1/traces", compression=Compression.Gzip) as tracer:
        tracer.start_span("s").end()
    assert "gzip" in receiver.headers[0].values()
