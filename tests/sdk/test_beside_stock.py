"""Libraries that look for the stock SDK's classes find ours, and join our provider."""

import os
import sys
from typing import Any

import opentelemetry.sdk.metrics as stock_metrics
import opentelemetry.sdk.trace as stock
import otel_rs_sdk
import pytest
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

from sdk.recording import Recorder, provider
from sdk.two_sdks import Sdk, both_sdks, run


class Vendor(SpanExporter):
    """A vendor's exporter, written for the stock SDK."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def export(self, spans: Any) -> SpanExportResult:
        self.seen.extend((span.name, dict(span.attributes), span.parent is not None) for span in spans)
        return SpanExportResult.SUCCESS


def test_our_objects_are_instances_of_the_stock_classes(recorder: Recorder) -> None:
    one = provider()
    one.add_span_processor(recorder)
    tracer = one.get_tracer("scope")
    span = tracer.start_span("span")
    assert isinstance(one, stock.TracerProvider)
    assert isinstance(tracer, stock.Tracer)
    assert isinstance(span, stock.Span)
    assert isinstance(span, stock.ReadableSpan)
    assert isinstance(span, otel_rs_sdk.Span)
    assert issubclass(type(span), stock.ReadableSpan)
    assert isinstance(otel_rs_sdk.ALWAYS_ON, sampling.Sampler)
    meters = otel_rs_sdk.MeterProvider(shutdown_on_exit=False)
    assert isinstance(meters, stock_metrics.MeterProvider)
    assert isinstance(meters.get_meter("scope"), stock_metrics.Meter)
    # And no others.
    assert not isinstance(object(), stock.TracerProvider)
    assert not isinstance(stock.TracerProvider(shutdown_on_exit=False), otel_rs_sdk.TracerProvider)


@both_sdks
def test_a_snapshot_of_a_running_span(sdk: Sdk, recorder: Recorder) -> None:
    one = sdk.TracerProvider(shutdown_on_exit=False)
    span = one.get_tracer("scope", "1.0").start_span("span", kind=SpanKind.CLIENT, attributes={"n": 1})
    snapshot = span._readable_span()
    span.update_name("other")
    assert (snapshot.name, snapshot.kind, snapshot.attributes, snapshot.end_time) == (
        "span",
        SpanKind.CLIENT,
        {"n": 1},
        None,
    )
    assert snapshot.instrumentation_scope.name == "scope"
    assert span.is_recording()


PROGRAM = """
import sys
{before}
import otel_rs_sdk
provider = otel_rs_sdk.TracerProvider(shutdown_on_exit=False)
early = provider.get_tracer("scope").start_span("early")
assert ("opentelemetry.sdk" in sys.modules) is {imported}
{after}
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider
import opentelemetry.sdk.metrics
assert isinstance(provider, TracerProvider)
assert isinstance(early, Span)
span = provider.get_tracer("scope").start_span("span")
assert isinstance(span, ReadableSpan) and type(span).__name__ == "Span", type(span).__mro__
assert isinstance(otel_rs_sdk.MeterProvider(shutdown_on_exit=False), opentelemetry.sdk.metrics.MeterProvider)
assert not any(type(finder).__module__.startswith("otel_rs_sdk") for finder in sys.meta_path)
span.end()
early.end()
"""

LAZY = """
import importlib.util
spec = importlib.util.find_spec("opentelemetry.sdk.trace")
spec.loader = importlib.util.LazyLoader(spec.loader)
module = importlib.util.module_from_spec(spec)
sys.modules["opentelemetry.sdk.trace"] = module
spec.loader.exec_module(module)
"""


@pytest.mark.parametrize(
    ("before", "imported", "after"),
    [
        ("import opentelemetry.sdk.trace, opentelemetry.sdk.metrics", True, ""),
        ("", False, ""),
        ("", False, "import wrapt; wrapt.register_post_import_hook(print, 'opentelemetry.sdk.trace')"),
        ("", False, LAZY),
    ],
    ids=["first", "later", "other hook", "lazy"],
)
def test_whoever_is_imported_first(before: str, imported: bool, after: str) -> None:
    assert "otel-rs" not in run(PROGRAM.format(before=before, imported=imported, after=after))


@both_sdks
@pytest.mark.parametrize("processor", [BatchSpanProcessor, SimpleSpanProcessor])
def test_a_vendor_processor_gets_every_span_in_a_forked_child_too(sdk: Sdk, processor: Any) -> None:
    vendor = Vendor()
    one = sdk.TracerProvider(shutdown_on_exit=False)
    one.add_span_processor(processor(vendor))
    tracer = one.get_tracer("scope")
    with tracer.start_as_current_span("parent", attributes={"n": 1}), tracer.start_as_current_span("child"):
        pass
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            vendor.seen.clear()
            tracer.start_span("in the child").end()
            one.force_flush()
            os.write(writing, repr(vendor.seen).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        assert answer.read() == repr([("in the child", {}, False)])
    assert one.force_flush()
    assert sorted(vendor.seen) == [("child", {}, True), ("parent", {"n": 1}, False)]
    one.shutdown()


@both_sdks
def test_libraries_look_into_the_active_span_processor(sdk: Sdk, recorder: Recorder) -> None:
    one = sdk.TracerProvider(shutdown_on_exit=False)
    one.add_span_processor(recorder)
    active = one._active_span_processor
    assert active._span_processors == (recorder,)
    first = Recorder()
    active._span_processors = (first, *active._span_processors)
    one.get_tracer("scope").start_span("span").end()
    assert [len(first.ended), len(recorder.ended)] == [1, 1]
    # Takes the place of the application's exporters, which some vendors' set-up does.
    active._span_processors = ()
    one.add_span_processor(first)
    one.get_tracer("scope").start_span("span").end()
    assert [len(first.ended), len(recorder.ended)] == [2, 1]
    assert one._active_span_processor._span_processors == (first,)


@both_sdks
def test_a_processor_around_all_others(sdk: Sdk, recorder: Recorder) -> None:
    class Named(stock.SpanProcessor):
        """Passes on what has a name of one word."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            self.inner.on_start(span, parent_context)

        def on_end(self, span: Any) -> None:
            if " " not in span.name:
                self.inner.on_end(span)

        def shutdown(self) -> None:
            self.inner.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return bool(self.inner.force_flush(timeout_millis))

    one = sdk.TracerProvider(shutdown_on_exit=False)
    one.add_span_processor(recorder)
    one._active_span_processor = Named(one._active_span_processor)
    tracer = one.get_tracer("scope")
    for name in ("one", "two words"):
        tracer.start_span(name).end()
    assert ([span.name for span in recorder.ended], len(recorder.started)) == (["one"], 2)
    assert one.force_flush()
    one.shutdown()


@pytest.mark.parametrize("last", [True, False])
def test_replaced_native_processors_get_nothing_more(last: bool, receiver: Any) -> None:
    exporter = otel_rs_sdk.OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")
    batch = otel_rs_sdk.BatchSpanProcessor(exporter)
    one = provider()
    one.add_span_processor(batch)
    one.get_tracer("scope").start_span("before").end()
    one._active_span_processor._span_processors = (Recorder(), batch) if last else (Recorder(),)
    one.get_tracer("scope").start_span("after").end()
    batch.shutdown()
    assert [span.name for span in receiver.spans] == ["before", "after"][: 1 + last]


def test_the_random_ids_that_a_provider_offers() -> None:
    ids = provider().id_generator
    assert isinstance(ids, otel_rs_sdk.IdGenerator)
    drawn = {ids.generate_trace_id() for _ in range(100)} | {ids.generate_span_id() for _ in range(100)}
    assert len(drawn) == 200
    assert ids.is_trace_id_random()
    assert sys.getsizeof(ids) > 0
