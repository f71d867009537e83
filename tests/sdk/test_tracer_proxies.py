"""Objects that pass for a tracer, and tracers whose parts are replaced: with the stock SDK and with ours."""

import itertools
from typing import Any
from unittest import mock

import opentelemetry.sdk.trace.sampling as stock_sampling
import otel_rs_sdk
import pytest
import wrapt
from opentelemetry.sdk.resources import Resource as StockResource
from opentelemetry.sdk.trace import SpanLimits as StockSpanLimits
from opentelemetry.sdk.trace.id_generator import IdGenerator as StockIdGenerator
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

from sdk.recording import Recorder
from sdk.two_sdks import NATIVE, STOCK, Sdk, both_sdks


class Ids(StockIdGenerator):
    """Counts."""

    def __init__(self, first: int) -> None:
        self._ids = itertools.count(first)

    def generate_trace_id(self) -> int:
        return next(self._ids)

    def generate_span_id(self) -> int:
        return next(self._ids)


class Proxy:
    """Passes for what it wraps, and calls the class's own methods with itself."""

    def __init__(self, wrapped: Any, **parts: Any) -> None:
        vars(self).update(parts, _wrapped=wrapped)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._wrapped)

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_wrapped"], name)

    def start_span(self, name: str, **options: Any) -> Any:
        return type(self._wrapped).start_span(self, name=name, **options)

    def start_as_current_span(self, name: str, **options: Any) -> Any:
        return type(self._wrapped).start_as_current_span(self, name, **options)


class WraptProxy(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """The same, by a library that many use."""

    def __init__(self, wrapped: Any, **parts: Any) -> None:
        super().__init__(wrapped)
        self._self_parts = parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    @property
    def id_generator(self) -> Any:
        return self._self_parts.get("id_generator", self.__wrapped__.id_generator)

    @property
    def sampler(self) -> Any:
        return self._self_parts.get("sampler", self.__wrapped__.sampler)

    def start_span(self, name: str, **options: Any) -> Any:
        return self.__wrapped__.__class__.start_span(self, name=name, **options)

    def start_as_current_span(self, name: str, **options: Any) -> Any:
        return self.__wrapped__.__class__.start_as_current_span(self, name, **options)


proxies = pytest.mark.parametrize("proxy", [Proxy, WraptProxy])


def tracer_of(sdk: Sdk, recorder: Recorder, **arguments: Any) -> Any:
    provider = sdk.TracerProvider(shutdown_on_exit=False, **arguments)
    provider.add_span_processor(recorder)
    return provider.get_tracer("scope", "1.0")


@both_sdks
@proxies
def test_the_class_takes_a_proxy(sdk: Sdk, proxy: Any, recorder: Recorder) -> None:
    tracer = proxy(tracer_of(sdk, recorder))
    tracer.start_span("one", kind=SpanKind.CLIENT, attributes={"n": 1}).end()
    with tracer.start_as_current_span("two"):
        pass
    one, two = recorder.ended
    assert (one.name, one.kind, one.attributes, one.instrumentation_scope.name) == (
        "one",
        SpanKind.CLIENT,
        {"n": 1},
        "scope",
    )
    assert two.name == "two"


@both_sdks
@proxies
def test_its_id_generator_and_sampler_are_used(sdk: Sdk, proxy: Any, recorder: Recorder) -> None:
    tracer = tracer_of(sdk, recorder)
    own = proxy(tracer, id_generator=Ids(100))
    contexts = [own.start_span("span").get_span_context() for _ in range(2)]
    assert [(context.trace_id, context.span_id) for context in contexts] == [(100, 101), (102, 103)]
    assert not proxy(tracer, sampler=stock_sampling.ALWAYS_OFF).start_span("span").is_recording()
    assert tracer.start_span("span").is_recording()


@both_sdks
def test_its_other_parts_are_used(sdk: Sdk, recorder: Recorder) -> None:
    other = Recorder()
    other_resource = StockResource({"service.name": "other"})
    limits = {"stock": StockSpanLimits, "native": otel_rs_sdk.SpanLimits}["stock" if sdk is STOCK else "native"]
    proxy = Proxy(
        tracer_of(sdk, recorder),
        resource=other_resource,
        span_processor=other,
        _span_limits=limits(max_span_attributes=1),
        _instrumentation_scope=InstrumentationScope("another", "2.0"),
    )
    proxy.start_span("span", attributes={"a": 1, "b": 2}).end()
    assert recorder.ended == []
    [span] = other.ended
    assert (span.resource.attributes, span.attributes) == ({"service.name": "other"}, {"b": 2})
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == ("another", "2.0")


@both_sdks
def test_what_a_tracer_offers(sdk: Sdk, recorder: Recorder) -> None:
    ids, resource = Ids(1), sdk.Resource({"service.name": "shop"})
    tracer = tracer_of(sdk, recorder, id_generator=ids, sampler=stock_sampling.ALWAYS_ON, resource=resource)
    assert (tracer.id_generator, tracer.sampler) == (ids, stock_sampling.ALWAYS_ON)
    assert tracer.resource.attributes == {"service.name": "shop"}
    assert tracer.span_processor._span_processors == (recorder,)
    assert (tracer.instrumentation_info.name, tracer._instrumentation_scope.version) == ("scope", "1.0")
    assert tracer._span_limits.max_events == 128
    assert tracer._is_enabled()


@both_sdks
def test_parts_that_are_assigned(sdk: Sdk, recorder: Recorder) -> None:
    tracer = tracer_of(sdk, recorder)
    tracer.id_generator = Ids(100)
    assert tracer.start_span("span").get_span_context().trace_id == 100
    tracer.sampler = stock_sampling.ALWAYS_OFF
    assert not tracer.start_span("span").is_recording()
    with tracer.start_as_current_span("span") as span:
        assert not span.is_recording()


@both_sdks
def test_parts_of_a_provider_that_are_assigned(sdk: Sdk, recorder: Recorder) -> None:
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(recorder)
    before = provider.get_tracer("before")
    provider.sampler = stock_sampling.ALWAYS_OFF
    provider._resource = provider.resource.merge(StockResource({"tenant": "t"}))
    assert provider.resource.attributes["tenant"] == "t"
    assert before.start_span("span").is_recording()
    assert not provider.get_tracer("after").start_span("span").is_recording()
    provider.sampler = stock_sampling.ALWAYS_ON
    provider.id_generator = Ids(7)
    span = provider.get_tracer("last").start_span("span")
    span.end()
    assert span.get_span_context().trace_id == 7
    assert recorder.ended[0].resource.attributes["tenant"] == "t"


def test_many_proxies_of_one_tracer(recorder: Recorder) -> None:
    tracer = tracer_of(NATIVE, recorder)
    for first in range(1, 200):
        assert Proxy(tracer, id_generator=Ids(first)).start_span("span").get_span_context().trace_id == first
    assert len(vars(tracer)["_variants"]) <= 16


def test_a_part_that_cannot_be_used(recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    Proxy(tracer_of(NATIVE, recorder), resource=5).start_span("span").end()
    assert [span.name for span in recorder.ended] == ["span"]
    [line] = [line.getMessage() for line in caplog.records]
    assert line.startswith("otel-rs: resource of a tracer cannot be used (AttributeError")


def test_what_is_no_tracer_is_refused() -> None:
    with pytest.raises(TypeError, match="start_span"):
        otel_rs_sdk.Tracer.start_span(object(), "span")  # type: ignore[arg-type]


def test_the_method_can_be_patched_and_overridden(recorder: Recorder) -> None:
    tracer = tracer_of(NATIVE, recorder)
    with mock.patch.object(otel_rs_sdk.Tracer, "start_span", autospec=True) as patched:
        tracer.start_span("span")
    patched.assert_called_once_with(tracer, "span")
    tracer.start_span("span").end()

    class Mine(otel_rs_sdk.Tracer):
        def start_span(self, name: str, *args: Any, **kwargs: Any) -> Any:
            return super().start_span(f"my {name}", *args, **kwargs)

    Mine(tracer._provider, "scope", None, None, None).start_span("span").end()
    assert [span.name for span in recorder.ended] == ["span", "my span"]
