"""The batch processor with exporters written in Python, and with subclasses of native ones."""

import gc
import logging
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

import otel_rs_sdk
import pytest
from opentelemetry.sdk.trace.export import SpanExporter as StockSpanExporter
from opentelemetry.trace import get_current_span
from otel_rs_sdk import BatchSpanProcessor, OTLPSpanExporter, SpanExporter, SpanExportResult

from sdk.recording import provider, remote
from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver


class Keeping(SpanExporter):
    """Keeps the names of batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.shutdowns = 0
        self.threads: set[str] = set()
        self.answer: Callable[[], Any] = lambda: SpanExportResult.SUCCESS

    def export(self, spans: Any) -> Any:
        self.batches.append([span.name for span in spans])
        self.threads.add(threading.current_thread().name)
        return self.answer()

    def shutdown(self) -> None:
        self.shutdowns += 1

    @property
    def names(self) -> list[str]:
        return [name for batch in self.batches for name in batch]


def test_spans_come_in_batches_on_another_thread() -> None:
    exporter = Keeping()
    one = provider()
    one.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100, max_export_batch_size=4))
    tracer = one.get_tracer("scope")
    for number in range(10):
        tracer.start_span(str(number)).end()
    tracer.start_span("not sampled", remote(sampled=False)).end()
    assert one.force_flush()
    assert exporter.names == [str(number) for number in range(10)]
    assert max(map(len, exporter.batches)) <= 4
    assert exporter.threads == {"otel-rs-python-spans"}
    one.shutdown()
    assert exporter.shutdowns == 1
    tracer.start_span("late").end()
    assert "late" not in exporter.names


def test_a_subclass_that_filters(receiver: OtlpReceiver) -> None:
    class OnlyPublic(OTLPSpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return super().export([span for span in spans if span.name != "secret"])

    one = provider()
    one.add_span_processor(BatchSpanProcessor(OnlyPublic(endpoint=f"{receiver.endpoint}/v1/traces")))
    for name in ("public", "secret"):
        one.get_tracer("scope").start_span(name).end()
    one.shutdown()
    assert [span.name for span in receiver.spans] == ["public"]


def test_an_exporter_of_the_stock_sdk_that_wraps_ours(receiver: OtlpReceiver) -> None:
    class Redacting(StockSpanExporter):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def export(self, spans: Any) -> Any:
            for span in spans:
                span._attributes = dict.fromkeys(span.attributes, "-")
            return self.inner.export(spans)

        def shutdown(self) -> None:
            self.inner.shutdown()

    one = provider()
    inner = OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces")
    one.add_span_processor(BatchSpanProcessor(Redacting(inner)))
    one.get_tracer("scope").start_span("span", attributes={"email": "jo"}).end()
    one.shutdown()
    assert [(span.name, span.attributes) for span in receiver.spans] == [("span", {"email": "-"})]


def test_what_the_exporter_says_and_raises(caplog: pytest.LogCaptureFixture) -> None:
    exporter = Keeping()
    processor = BatchSpanProcessor(exporter)
    one = provider()
    one.add_span_processor(processor)

    def fail() -> Any:
        raise ValueError("no")

    for answer in (lambda: SpanExportResult.FAILURE, fail):
        exporter.answer = answer
        one.get_tracer("scope").start_span("span").end()
        assert not one.force_flush()
    exporter.answer = lambda: None
    one.get_tracer("scope").start_span("span").end()
    assert one.force_flush()
    assert processor.dropped_spans_by_cause == {
        "queue_full": 0,
        "export_failed": 2,
        "deadline": 0,
        "after_shutdown": 0,
    }
    [line] = [line.getMessage() for line in caplog.records if line.levelno == logging.ERROR]
    assert line.startswith("otel-rs: A batch span processor with the exporter Keeping has lost 1 spans")


def test_a_full_queue_drops_its_oldest_and_a_shutdown_has_an_end(caplog: pytest.LogCaptureFixture) -> None:
    going_on = threading.Event()
    exporter = Keeping()
    exporter.answer = lambda: going_on.wait(30)
    processor = BatchSpanProcessor(exporter, max_queue_size=2, max_export_batch_size=1)
    one = provider()
    one.add_span_processor(processor)
    for number in range(10):
        one.get_tracer("scope").start_span(str(number)).end()
    processor.shutdown(100)
    going_on.set()
    drops = processor.dropped_spans_by_cause
    assert drops["queue_full"] + drops["deadline"] + len(exporter.names) == 10
    assert drops["deadline"] == 2
    assert all(line.getMessage().startswith("otel-rs: ") for line in caplog.records)


def test_a_forked_child_exports_its_own() -> None:
    exporter = Keeping()
    one = provider()
    one.add_span_processor(BatchSpanProcessor(exporter))
    one.get_tracer("scope").start_span("parent").end()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            exporter.batches.clear()
            one.get_tracer("scope").start_span("child").end()
            one.shutdown()
            os.write(writing, repr(exporter.names).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        assert answer.read() == "['child']"
    assert one.force_flush()
    assert exporter.names == ["parent"]


def test_what_is_queued_at_the_exit_is_exported() -> None:
    log = run("""
from otel_rs_sdk import *
class Printing(SpanExporter):
    def export(self, spans):
        logging.info("exported %s", [span.name for span in spans])
        return SpanExportResult.SUCCESS
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Printing()))
provider.get_tracer("scope").start_span("span").end()
""")
    assert log == "INFO exported ['span']\n"


def test_the_exporter_runs_without_a_current_span_and_nobody_starts_a_thread_early() -> None:
    seen: list[Any] = []
    exporter = Keeping()
    exporter.answer = lambda: seen.append(get_current_span().get_span_context().is_valid)
    threads = threading.active_count()
    one = provider()
    one.add_span_processor(BatchSpanProcessor(exporter))
    assert threading.active_count() == threads
    with one.get_tracer("scope").start_as_current_span("parent"):
        one.get_tracer("scope").start_span("span").end()
        assert one.force_flush()
    assert seen == [False]
    one.shutdown()


def test_a_processor_that_nobody_has_any_more_is_collected() -> None:
    exporter = Keeping()
    gone = weakref.ref(exporter)
    processor = BatchSpanProcessor(exporter, schedule_delay_millis=20)
    one = provider()
    one.add_span_processor(processor)
    one.get_tracer("scope").start_span("span").end()
    assert one.force_flush()
    assert processor._python is not None
    thread = processor._python._thread
    assert thread is not None
    del exporter, processor, one
    gc.collect()
    thread.join(10)
    gc.collect()
    assert (gone(), thread.is_alive()) == (None, False)


def test_the_arguments_of_both_kinds() -> None:
    for exporter in (Keeping(), otel_rs_sdk.ConsoleSpanExporter()):
        with pytest.raises(ValueError, match="max_queue_size must be a positive integer"):
            BatchSpanProcessor(exporter, max_queue_size=0)
        with pytest.raises(ValueError, match="less than or equal to max_queue_size"):
            BatchSpanProcessor(exporter, max_queue_size=1, max_export_batch_size=2)
    with pytest.raises(TypeError, match="span exporter"):
        BatchSpanProcessor(object())
