"""The native tracer provider: its faces, the current span, and what it does with bad input."""

import asyncio
import gc
import threading
import weakref
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanContext, StatusCode
from otel_rs_sdk import (
    ALWAYS_OFF,
    BatchSpanProcessor,
    ConsoleSpanExporter,
    Span,
    SpanLimits,
    Tracer,
)

from sdk.recording import Recorder, provider, remote


def test_the_classes_are_those_of_the_api(tracer: Tracer) -> None:
    span = tracer.start_span("span")
    assert isinstance(provider(), trace.TracerProvider)
    assert isinstance(tracer, trace.Tracer)
    assert isinstance(span, trace.Span)
    assert isinstance(span, Span)
    assert not Span.__abstractmethods__
    assert not Tracer.__abstractmethods__


def test_a_span_comes_from_a_tracer_alone() -> None:
    with pytest.raises(TypeError, match="via a tracer"):
        Span()
    with pytest.raises(TypeError, match="via a tracer"):
        Span("name", context=None)


def test_a_span_that_is_not_sampled_is_a_span_too(recorder: Recorder) -> None:
    off = provider(sampler=ALWAYS_OFF)
    off.add_span_processor(recorder)
    span = off.get_tracer("scope").start_span("span", attributes={"k": 1})
    assert isinstance(span, Span)
    assert not span.is_recording()
    assert span.get_span_context().is_valid
    assert not span.get_span_context().trace_flags.sampled
    span.set_attribute("k", 1)
    span.add_event("event")
    span.record_exception(ValueError())
    span.set_status(StatusCode.ERROR)
    span.end()
    assert not recorder.started
    assert not recorder.ended


def test_a_tracer_is_cached_by_its_scope() -> None:
    one = provider()
    assert one.get_tracer("a", "1") is one.get_tracer("a", "1")
    scopes: list[tuple[Any, ...]] = [
        ("a", "1"), ("a", "2"), ("b", "1"), ("a", "1", "url"), ("a", "1", None, {"k": 1}), ("a", "1", None, {"k": [1]})
    ]  # fmt: skip
    assert len({id(one.get_tracer(*scope)) for scope in scopes}) == len(scopes)
    scope = one.get_tracer("a", "1", "url", {"k": "v"}).start_span("span").instrumentation_scope  # type: ignore[attr-defined]
    assert (scope.name, scope.version, scope.schema_url, dict(scope.attributes)) == ("a", "1", "url", {"k": "v"})


def test_a_provider_and_its_spans_can_be_collected() -> None:
    one = provider()
    one.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    one.get_tracer("scope").start_span("span")
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None


def test_a_disabled_sdk_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    assert isinstance(provider().get_tracer("scope"), trace.NoOpTracer)


def test_a_readable_span_reads_after_its_end(tracer: Tracer) -> None:
    span: Any = tracer.start_span("span", remote(), start_time=5, attributes={"k": [1]})
    span.add_event("event", {"e": 1}, 6)
    span.add_link(SpanContext(3, 4, False), {"l": 1})
    assert (span.start_time, span.end_time) == (5, None)
    span.end(7)
    assert (span.name, span.kind, span.end_time) == ("span", trace.SpanKind.INTERNAL, 7)
    assert span.attributes == {"k": (1,)}
    assert [(event.name, event.timestamp, dict(event.attributes)) for event in span.events] == [("event", 6, {"e": 1})]
    assert [(link.context.trace_id, dict(link.attributes)) for link in span.links] == [(3, {"l": 1})]
    assert span.parent.trace_state.to_header() == span.context.trace_state.to_header() == "a=1"
    assert span.status.status_code is StatusCode.UNSET
    assert span.resource.attributes["telemetry.sdk.language"] == "python"
    with pytest.raises(TypeError):
        span.attributes["k"] = 2


def test_the_current_span_is_a_context_manager_and_a_decorator(tracer: Tracer, recorder: Recorder) -> None:
    @tracer.start_as_current_span("decorated")
    def decorated(value: int) -> tuple[int, Any]:
        return value, trace.get_current_span()

    with tracer.start_as_current_span("outer") as outer:
        assert trace.get_current_span() is outer
        value, first = decorated(1)
        _, second = decorated(2)
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert value == 1
    assert first is not second
    assert [span.name for span in recorder.ended] == ["decorated", "decorated", "outer"]
    assert all(span.parent == outer.get_span_context() for span in recorder.ended[:2])


def test_a_decorated_coroutine_ends_its_span_when_it_is_done(tracer: Tracer, recorder: Recorder) -> None:
    @tracer.start_as_current_span("coroutine")
    async def coroutine() -> Any:
        await asyncio.sleep(0)
        return trace.get_current_span()

    async def both() -> list[Any]:
        return list(await asyncio.gather(coroutine(), coroutine()))

    spans = asyncio.run(both())
    assert spans[0] is not spans[1]
    assert sorted(map(id, recorder.ended)) == sorted(map(id, spans))


def test_a_block_may_leave_its_span_open(tracer: Tracer) -> None:
    with tracer.start_as_current_span("span", end_on_exit=False) as span:
        pass
    assert span.is_recording()


def test_a_span_survives_what_cannot_be_recorded(tracer: Tracer) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise ValueError

        __repr__ = __str__

    endless: list[Any] = []
    endless.append(endless)
    attributes: Any = {"kept": 1, "hostile": Hostile()}
    span: Any = tracer.start_span("name \ud800", attributes=attributes)
    span.set_attribute("surrogate", "a\ud800b")
    span.set_attribute("wide", 2**64)
    span.set_attribute("too wide to print", 10**5000)
    span.set_attribute("endless", endless)
    span.set_attributes(42)
    span.set_attributes({"hostile": Hostile(), "also kept": 2})
    span.add_event("event", "no mapping")
    span.add_link("no context")
    span.set_status("no status")
    span.end("no time")
    assert span.attributes["kept"] == 1
    assert span.attributes["also kept"] == 2
    assert span.attributes["wide"] == str(2**64)
    assert span.attributes["surrogate"].startswith("a")
    assert span.attributes["surrogate"].endswith("b")
    assert span.end_time is not None
    span.to_json()


@pytest.mark.parametrize("limit", ["max_events", "max_span_attributes"])
def test_limits_are_no_negative_numbers(limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        SpanLimits(**{limit: -2})
    assert getattr(SpanLimits(**{limit: SpanLimits.UNSET}), limit) is None


def test_a_bad_limit_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many")
    monkeypatch.setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "")
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "7")
    limits = SpanLimits()
    assert (limits.max_span_attributes, limits.max_events, limits.max_event_attributes) == (7, None, 7)


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_queue_size": 0},
        {"schedule_delay_millis": 0},
        {"max_export_batch_size": -1},
        {"max_export_batch_size": 9999},
    ],
)
def test_batch_sizes_are_checked_as_in_stock(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        BatchSpanProcessor(ConsoleSpanExporter(), **arguments)


def test_many_threads_may_use_one_span(tracer: Tracer) -> None:
    span: Any = tracer.start_span("span")

    def work(number: int) -> None:
        for i in range(200):
            span.set_attribute(f"k{number}", i)
            span.add_event("event")
            dict(span.attributes)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    span.end()
    assert span.attributes == {f"k{number}": 199 for number in range(4)}
    assert len(span.events) + span.dropped_events == 800
