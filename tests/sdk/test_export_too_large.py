"""Batches that are too large for a request are sent in smaller ones; only what is too large by itself is lost."""

from __future__ import annotations

from typing import Any

import pytest
from otel_rs_sdk import (
    BatchSpanProcessor,
    MeterProvider,
    OTLPMetricExporter,
    OTLPSpanExporter,
    PeriodicExportingMetricReader,
    SimpleSpanProcessor,
    TracerProvider,
)

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver


@pytest.fixture(params=["collector", "argument"])
def largest(request: pytest.FixtureRequest, receiver: OtlpReceiver) -> dict[str, Any]:
    """Arguments for an exporter of requests with at most 4096 bytes; or the collector refuses larger ones."""
    if request.param == "argument":
        return {"max_request_size": 4096}
    receiver.largest = 4096
    return {}


def test_spans(receiver: OtlpReceiver, largest: dict[str, Any]) -> None:
    processor = BatchSpanProcessor(OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", **largest))
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("scope")
    for number in range(50):
        tracer.start_span(f"span {number}", attributes={"text": "x" * (9000 if number == 20 else 100)}).end()
    assert not provider.force_flush()
    assert [span.name for span in receiver.spans] == [f"span {number}" for number in range(50) if number != 20]
    assert processor.dropped_spans_by_cause["export_failed"] == processor.dropped_spans == 1
    tracer.start_span("later").end()
    assert provider.force_flush()
    assert receiver.spans[-1].name == "later"


@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_metrics(
    receiver: OtlpReceiver, largest: dict[str, Any], temporality: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{receiver.endpoint}/v1/metrics", **largest))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = provider.get_meter("scope").create_counter("c")
    for number in range(200):
        counter.add(1, {"number": number})
    assert provider.force_flush()
    assert sum(point.as_int for metric in receiver.metrics for point in metric.points) == 200
    counter.add(1, {"text": "x" * 9000})
    assert not provider.force_flush()
    assert provider.dropped_collections_by_cause["export_failed"] == 1


def test_a_part_that_fails_for_the_moment_is_sent_again_and_no_other(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
    handle = receiver.handle
    calls = 0

    def fail_once(path: str, headers: dict[str, str], body: bytes) -> int | None:
        nonlocal calls
        calls += 1
        return 503 if calls == 2 else handle(path, headers, body)

    monkeypatch.setattr(receiver, "handle", fail_once)
    exporter = OTLPMetricExporter(f"{receiver.endpoint}/v1/metrics", max_export_batch_size=4)
    provider = MeterProvider([PeriodicExportingMetricReader(exporter)], shutdown_on_exit=False)
    counter = provider.get_meter("scope").create_counter("c")
    for number in range(10):
        counter.add(1, {"number": number})
    assert provider.force_flush()
    assert calls == 4
    assert sum(point.as_int for metric in receiver.metrics for point in metric.points) == 10


def test_one_span_that_is_too_large_is_one_line(receiver: OtlpReceiver) -> None:
    program = f"""
from otel_rs_sdk import *
provider = TracerProvider()
exporter = OTLPSpanExporter("{receiver.endpoint}/v1/traces", max_request_size=1000)
provider.add_span_processor(BatchSpanProcessor(exporter))
provider.get_tracer("scope").start_span("span", attributes={{"text": "x" * 2000}}).end()
provider.shutdown()
"""
    [line] = run(program).splitlines()
    assert line.startswith("ERROR otel-rs: 1 spans were not exported: sending spans to http://127.0.0.1:")
    assert "more than max_request_size, which is 1000" in line


def test_a_simple_processor_loses_it_alone(receiver: OtlpReceiver) -> None:
    receiver.largest = 1000
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{receiver.endpoint}/v1/traces")))
    tracer = provider.get_tracer("scope")
    for length in (2000, 10):
        tracer.start_span("span", attributes={"text": "x" * length}).end()
    assert [len(span.attributes["text"]) for span in receiver.spans] == [10]
    assert provider.dropped_spans == 1
