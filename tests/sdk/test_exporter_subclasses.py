"""A subclass of a native exporter whose ``export`` may withhold something is called or refused, never passed over."""

from typing import Any

import pytest
from otel_rs_sdk import (
    BatchSpanProcessor,
    OTLPMetricExporter,
    OTLPSpanExporter,
    PeriodicExportingMetricReader,
    SimpleSpanProcessor,
    SpanExportResult,
    TracerProvider,
)

from support.otlp_receiver import OtlpReceiver


class Redacting(OTLPSpanExporter):
    """Sends nothing that is secret."""

    def export(self, spans: Any) -> SpanExportResult:
        exported.extend(span.name for span in spans if span.name != "secret")
        return SpanExportResult.SUCCESS


class Plain(OTLPSpanExporter):
    """Changes nothing."""


exported: list[str] = []


def test_a_batch_processor_calls_it(receiver: OtlpReceiver) -> None:
    exported.clear()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Redacting(endpoint=f"{receiver.endpoint}/v1/traces")))
    tracer = provider.get_tracer("scope")
    for name in ("open", "secret"):
        tracer.start_span(name).end()
    provider.shutdown()
    assert exported == ["open"]
    assert not receiver.spans


def test_a_simple_processor_calls_it(receiver: OtlpReceiver) -> None:
    exported.clear()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Redacting(endpoint=f"{receiver.endpoint}/v1/traces")))
    tracer = provider.get_tracer("scope")
    for name in ("open", "secret"):
        tracer.start_span(name).end()
    assert exported == ["open"]
    assert not receiver.spans


def test_a_reader_refuses_it() -> None:
    class Filtering(OTLPMetricExporter):
        def export(self, *_: Any, **__: Any) -> None:
            pass

    with pytest.raises(TypeError, match="export"):
        PeriodicExportingMetricReader(Filtering())


def test_one_without_it_is_native(receiver: OtlpReceiver) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Plain(endpoint=f"{receiver.endpoint}/v1/traces")))
    provider.get_tracer("scope").start_span("span").end()
    assert provider.force_flush()
    assert [span.name for span in receiver.spans] == ["span"]
