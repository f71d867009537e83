"""Processors, exporters and id generators written in Python, under the native tracer provider."""

import itertools
import logging
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.trace import TraceFlags
from otel_rs_sdk import (
    SimpleSpanProcessor,
    Tracer,
)

from sdk.recording import KeepingExporter, Recorder, provider, remote


def test_a_python_processor_sees_the_span_and_its_context(tracer: Tracer, recorder: Recorder) -> None:
    context = remote()
    span = tracer.start_span("span", context)
    assert recorder.started == [(span, context)]
    span.end()
    span.end()
    assert recorder.ended == [span]


def test_a_python_processor_may_change_a_starting_span(recorder: Recorder) -> None:
    class Stamp(Recorder):
        def on_start(self, span: Any, parent_context: Context | None = None) -> None:
            span.set_attribute("stamp", True)

    one = provider()
    one.add_span_processor(Stamp())
    one.add_span_processor(recorder)
    one.get_tracer("scope").start_span("span").end()
    assert recorder.ended[0].attributes == {"stamp": True}


def test_a_failing_processor_is_logged_once_and_stops_nobody(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Recorder):
        def on_start(self, span: Any, parent_context: Context | None = None) -> None:
            raise ValueError("on_start")

        def on_end(self, span: Any) -> None:
            raise ValueError("on_end")

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            raise ValueError("force_flush")

        def shutdown(self) -> None:
            raise ValueError("shutdown")

    one = provider()
    one.add_span_processor(Failing())
    one.add_span_processor(recorder)
    for _ in range(3):
        one.get_tracer("scope").start_span("span").end()
    assert len(recorder.ended) == 3
    assert not one.force_flush()
    one.shutdown()
    lines = [line.getMessage() for line in caplog.records if line.levelno == logging.ERROR]
    assert len(lines) == len(set(lines)) <= 4


def test_a_python_exporter_works_in_the_simple_processor() -> None:
    exporter = KeepingExporter()
    one = provider()
    one.add_span_processor(SimpleSpanProcessor(exporter))
    one.get_tracer("scope").start_span("span").end()
    one.get_tracer("scope").start_span("not sampled", remote(sampled=False)).end()
    assert exporter.names == ["span"]
    one.shutdown()
    one.get_tracer("scope").start_span("late").end()
    assert exporter.names == ["span"]
    assert exporter.is_shut_down


def test_a_python_id_generator_is_asked() -> None:
    class Ids:
        ids = itertools.count(1)

        def generate_trace_id(self) -> int:
            return next(self.ids)

        def generate_span_id(self) -> int:
            return next(self.ids)

    context = provider(id_generator=Ids()).get_tracer("scope").start_span("span").get_span_context()
    assert (context.trace_id, context.span_id, context.trace_flags) == (1, 2, TraceFlags.SAMPLED)


def test_a_failing_id_generator_costs_nothing_but_its_ids(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        def generate_trace_id(self) -> int:
            return 2**128

        def generate_span_id(self) -> int:
            raise ValueError

    tracer = provider(id_generator=Failing()).get_tracer("scope")
    contexts = [tracer.start_span("span").get_span_context() for _ in range(2)]
    assert all(context.is_valid for context in contexts)
    assert contexts[0] != contexts[1]
    assert len(caplog.records) == 2
