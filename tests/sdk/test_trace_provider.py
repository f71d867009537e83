"""The native tracer provider: faces, extension points, samplers, limits, and what it does with bad input."""

import asyncio
import gc
import itertools
import logging
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import opentelemetry.sdk.trace.sampling as stock_sampling
import otel_rs_sdk
import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags, TraceState
from otel_rs_sdk import (
    ALWAYS_OFF,
    ALWAYS_ON,
    BatchSpanProcessor,
    ConsoleSpanExporter,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    SimpleSpanProcessor,
    Span,
    SpanLimits,
    StaticSampler,
    TraceIdRatioBased,
    Tracer,
    TracerProvider,
    sampler_from_environment,
)


class Recorder(otel_rs_sdk.SpanProcessor):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, Any]] = []
        self.ended: list[Any] = []

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        self.started.append((span, parent_context))

    def on_end(self, span: Any) -> None:
        self.ended.append(span)


class KeepingExporter(otel_rs_sdk.SpanExporter):
    """Keeps the names of what it exports."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_shut_down = False

    def export(self, spans: Any) -> otel_rs_sdk.SpanExportResult:
        self.names.extend(span.name for span in spans)
        return otel_rs_sdk.SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.is_shut_down = True


def provider(**arguments: Any) -> TracerProvider:
    return TracerProvider(shutdown_on_exit=False, **arguments)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def tracer(recorder: Recorder) -> Tracer:
    provider_ = provider()
    provider_.add_span_processor(recorder)
    tracer = provider_.get_tracer("scope")
    assert isinstance(tracer, Tracer)
    return tracer


def remote(sampled: bool = True) -> Context:
    context = SpanContext(1, 2, True, TraceFlags(int(sampled)), TraceState([("a", "1")]))
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())


# --- faces ------------------------------------------------------------------------------------------------------------


def test_the_classes_are_those_of_the_api(tracer: Tracer) -> None:
    span = tracer.start_span("span")
    assert isinstance(provider(), trace.TracerProvider)
    assert isinstance(tracer, trace.Tracer)
    assert isinstance(span, trace.Span)
    assert type(span) is Span
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
    assert type(span) is Span
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


# --- current span -----------------------------------------------------------------------------------------------------


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


# --- extension points -------------------------------------------------------------------------------------------------


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
            raise SystemExit("on_end")

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


def test_a_python_exporter_is_refused_by_the_batch_processor() -> None:
    with pytest.raises(TypeError, match="SimpleSpanProcessor"):
        BatchSpanProcessor(KeepingExporter())


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


# --- samplers ---------------------------------------------------------------------------------------------------------


class Spy(Sampler):
    """Answers what it is told to and keeps what it is asked."""

    def __init__(self, result: SamplingResult) -> None:
        self.result = result
        self.asked: list[tuple[Any, ...]] = []

    def should_sample(self, *arguments: Any, **named: Any) -> SamplingResult:
        self.asked.append((*arguments, *named.values()))
        return self.result

    def get_description(self) -> str:
        return "Spy"


def test_a_python_sampler_decides_attributes_and_trace_state() -> None:
    spy = Spy(SamplingResult(Decision.RECORD_AND_SAMPLE, {"only": "mine"}, TraceState([("s", "1")])))
    context = remote()
    tracer = provider(sampler=spy).get_tracer("scope")
    span: Any = tracer.start_span("span", context, trace.SpanKind.CLIENT, {"theirs": 1})
    parent_context, trace_id, name, kind, attributes, links = spy.asked[0]
    assert parent_context is context
    assert (trace_id, name, kind, attributes, list(links)) == (1, "span", trace.SpanKind.CLIENT, {"theirs": 1}, [])
    assert span.attributes == {"only": "mine"}
    assert span.context.trace_state.to_header() == "s=1"


def test_a_span_may_be_recorded_and_not_sampled(recorder: Recorder) -> None:
    one = provider(sampler=Spy(SamplingResult(Decision.RECORD_ONLY)))
    one.add_span_processor(recorder)
    exporter = KeepingExporter()
    one.add_span_processor(SimpleSpanProcessor(exporter))
    span = one.get_tracer("scope").start_span("span")
    assert span.is_recording()
    assert not span.get_span_context().trace_flags.sampled
    span.end()
    assert recorder.ended == [span]
    assert exporter.names == []


def test_a_failing_sampler_does_not_sample(caplog: pytest.LogCaptureFixture) -> None:
    tracer = provider(sampler=object()).get_tracer("scope")
    assert not any(tracer.start_span("span").is_recording() for _ in range(3))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.1, 0.5, 1 / 3, 1.0])
def test_ratios_decide_as_stock(rate: float) -> None:
    bound = round(rate * 2**64)
    ours, stock = TraceIdRatioBased(rate), stock_sampling.TraceIdRatioBased(rate)
    assert ours.get_description() == stock.get_description()
    for low in {0, 1, bound - 2**12, bound - 1, bound, bound + 1, bound + 2**12, 2**63, 2**64 - 1}:
        if 0 <= low < 2**64 and (rate > 1e-3 or abs(low - bound) > 1):
            trace_id = 7 << 64 | low
            ours_result, stock_result = (
                s.should_sample(None, trace_id, "n", attributes={"k": 1}) for s in (ours, stock)
            )
            assert ours_result.decision.name == stock_result.decision.name, low
            assert ours_result.attributes == stock_result.attributes


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_ratio_is_one(rate: float) -> None:
    with pytest.raises(ValueError, match="range"):
        TraceIdRatioBased(rate)


def test_parent_based_samplers_ask_the_right_one() -> None:
    on = SamplingResult(Decision.RECORD_AND_SAMPLE)
    spies = [Spy(on) for _ in range(5)]
    tracer = provider(sampler=ParentBased(*spies)).get_tracer("scope")

    def asked() -> list[int]:
        return [len(spy.asked) for spy in spies]

    tracer.start_span("root", Context())
    assert asked() == [1, 0, 0, 0, 0]
    tracer.start_span("span", remote(sampled=True))
    assert asked() == [1, 1, 0, 0, 0]
    tracer.start_span("span", remote(sampled=False))
    assert asked() == [1, 1, 1, 0, 0]
    for sampled in (True, False):
        local = trace.NonRecordingSpan(SpanContext(1, 2, False, TraceFlags(int(sampled))))
        tracer.start_span("span", trace.set_span_in_context(local))
    assert asked() == [1, 1, 1, 1, 1]


def test_our_samplers_work_in_the_stock_sdk_and_stock_ones_in_ours() -> None:
    import opentelemetry.sdk.trace as stock

    context = stock.TracerProvider(sampler=otel_rs_sdk.DEFAULT_ON, shutdown_on_exit=False)  # type: ignore[arg-type]
    assert context.get_tracer("scope").start_span("span", remote()).is_recording()
    ours = provider(sampler=stock_sampling.ParentBased(stock_sampling.ALWAYS_OFF)).get_tracer("scope")
    assert not ours.start_span("span", Context()).is_recording()
    assert ours.start_span("span", remote()).is_recording()
    stock_default: Any = stock_sampling.DEFAULT_ON
    assert otel_rs_sdk.DEFAULT_ON.get_description() == stock_default.get_description()
    assert isinstance(ALWAYS_ON, Sampler)


def test_a_sampler_class_of_the_users_own_is_asked() -> None:
    class Never(StaticSampler):
        def should_sample(self, *arguments: Any, **named: Any) -> Any:
            return SamplingResult(Decision.DROP)

    assert not provider(sampler=Never(True)).get_tracer("scope").start_span("span").is_recording()


ENVIRONMENT = [
    (None, None, "ParentBased{root:AlwaysOnSampler", 0),
    ("always_on", None, "AlwaysOnSampler", 0),
    ("ALWAYS_OFF", None, "AlwaysOffSampler", 0),
    ("traceidratio", "0.25", "TraceIdRatioBased{0.25}", 0),
    ("parentbased_always_off", None, "ParentBased{root:AlwaysOffSampler", 0),
    ("parentbased_traceidratio", "0.5", "ParentBased{root:TraceIdRatioBased{0.5}", 0),
    ("traceidratio", "lots", "TraceIdRatioBased{1.0}", 1),
    ("traceidratio", "1.5", "TraceIdRatioBased{1.0}", 1),
    ("sometimes", None, "ParentBased{root:AlwaysOnSampler", 1),
]


@pytest.mark.parametrize(("name", "argument", "description", "warnings"), ENVIRONMENT)
def test_the_environment_names_a_sampler(
    name: str | None,
    argument: str | None,
    description: str,
    warnings: int,
    monkeypatch: pytest.MonkeyPatch,
    fresh_diagnostics: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for variable, value in (("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
    assert sampler_from_environment().get_description().startswith(description)
    assert len(caplog.records) <= warnings


@pytest.fixture
def fresh_diagnostics() -> Iterator[None]:
    otel_rs_sdk._native.log_diagnostics()
    yield
    otel_rs_sdk._native.log_diagnostics()


# --- bad input --------------------------------------------------------------------------------------------------------


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
