"""What a collector says when it refuses is in the log, and no secret is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver

EXPORT_ONE_SPAN = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter({arguments})))
provider.get_tracer("scope").start_span("span").end()
provider.shutdown()
"""
EXPORT_ONE_METRIC = """
from otel_rs_sdk import *
provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter({arguments}))])
provider.get_meter("scope").create_counter("c").add(1)
provider.shutdown()
"""
SIGNALS = {"spans": EXPORT_ONE_SPAN, "metrics": EXPORT_ONE_METRIC}

# google.rpc.Status: code 3, a message.
STATUS = b"\x08\x03\x12\x0bunknown key"


def log_of(receiver: OtlpReceiver, signal: str = "spans", arguments: str = "", **environment: str) -> str:
    return run(
        SIGNALS[signal].format(arguments=arguments), {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint} | environment
    )


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (400, "application/x-protobuf", STATUS),
        (401, "application/json", json.dumps({"error": "unknown key"}).encode()),
        (500, "text/plain", b"unknown\x07\n key\n" + b"x" * 5000),
    ],
)
def test_a_refusal_quotes_the_collector(
    signal: str, status: int, content_type: str, body: bytes, receiver: OtlpReceiver
) -> None:
    receiver.status, receiver.answer = status, (content_type, body)
    log = log_of(receiver, signal)
    [line] = log.splitlines()
    assert line.startswith("ERROR otel-rs: ")
    assert f"HTTP {status} " in line
    assert ': "unknown key' in line
    assert f"{receiver.endpoint}/v1/{'traces' if signal == 'spans' else 'metrics'}" in line
    assert len(line) < 600


def test_one_that_may_get_better_does_too(receiver: OtlpReceiver) -> None:
    receiver.status, receiver.answer = 503, ("text/html", b"<html><h1>no upstream</h1></html>")
    log = log_of(receiver, OTEL_EXPORTER_OTLP_TIMEOUT="0.5")
    assert 'HTTP 503 Service Unavailable: "no upstream" (' in log.splitlines()[0]


def partial(signal: str, message: str) -> bytes:
    answer: Any
    if signal == "spans":
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = 1
    else:
        answer = ExportMetricsServiceResponse()
        answer.partial_success.rejected_data_points = 1
    answer.partial_success.error_message = message
    body: bytes = answer.SerializeToString()
    return body


@pytest.mark.parametrize("signal", SIGNALS)
def test_partial_success_does_too(signal: str, receiver: OtlpReceiver) -> None:
    receiver.answer = ("application/x-protobuf", partial(signal, "too old\x1b[2J; key s3cret"))
    log = log_of(receiver, signal, OTEL_EXPORTER_OTLP_HEADERS="x-key=s3cret")
    what = "spans" if signal == "spans" else "data points"
    assert log == f'WARNING otel-rs: the collector rejected 1 {what}, which are lost: "too old [2J; key …"\n'


@pytest.mark.parametrize("signal", SIGNALS)
def test_secrets_are_left_out(signal: str, receiver: OtlpReceiver) -> None:
    receiver.status = 403
    said = "no tok3n, Bearer j.w.t, s3cret-1, pa55 or http://me:pa55@inner/"
    receiver.answer = ("text/plain", said.encode())
    endpoint = receiver.endpoint.replace("http://", "http://me:pa55@") + "/otlp?token=tok3n"
    log = log_of(
        receiver,
        signal,
        arguments='headers={"x-api-key": "s3cret-1"}',
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
    )
    assert '"no …, Bearer … …, … or http://…@inner/"' in log
    assert not any(secret in log for secret in ("tok3n", "j.w.t", "s3cret", "pa55"))


@pytest.mark.parametrize(("signal", "path"), [("spans", "/v1/traces"), ("metrics", "/v1/metrics")])
@pytest.mark.parametrize(
    ("base", "sent"), [("?token=a/b", "{}?token=a/b"), ("/otlp/?x=1&y", "/otlp{}?x=1&y"), ("/otlp#part", "/otlp{}")]
)
def test_the_path_comes_before_the_query(signal: str, path: str, base: str, sent: str, receiver: OtlpReceiver) -> None:
    log = log_of(receiver, signal, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint + base)
    assert receiver.paths == [sent.format(path)]
    assert log == ""


def test_the_endpoint_of_a_signal_is_taken_as_it_is(receiver: OtlpReceiver) -> None:
    log_of(receiver, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=receiver.endpoint + "/mine?token=x")
    assert receiver.paths == ["/mine?token=x"]
