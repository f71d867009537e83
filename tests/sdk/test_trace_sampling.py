"""Samplers: ours, the stock SDK's, and those written in Python."""

from typing import Any

import opentelemetry.sdk.trace.sampling as stock_sampling
import otel_rs_sdk
import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from otel_rs_sdk import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    SimpleSpanProcessor,
    StaticSampler,
    TraceIdRatioBased,
    sampler_from_environment,
)

from sdk.recording import KeepingExporter, Recorder, provider, remote


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
