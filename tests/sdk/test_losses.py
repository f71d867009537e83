"""What is lost, and what is not, while a collector is away, slow or late."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from sdk.two_sdks import run
from support.faulty_collector import FaultyCollector

SETUP = """
import json, os, sys, threading, time
from otel_rs_sdk import *
provider = TracerProvider()
processor = BatchSpanProcessor(OTLPSpanExporter(), **json.loads(os.environ.get("BATCH", "{}")))
provider.add_span_processor(processor)
tracer = provider.get_tracer("scope")
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=INTERVAL)])
counter = meters.get_meter("scope").create_counter("work")
histogram = meters.get_meter("scope").create_histogram("time")

def work(count, pause=0.0):
    for _ in range(count):
        tracer.start_span("work").end()
        counter.add(1)
        histogram.record(1.5)
        time.sleep(pause)
"""


@pytest.fixture
def collector() -> Iterator[FaultyCollector]:
    with FaultyCollector() as collector:
        yield collector


def program(text: str, interval: int = 60_000) -> str:
    return SETUP.replace("INTERVAL", str(interval)) + text


def environment(collector: FaultyCollector, **more: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, **more}


def heal_later(collector: FaultyCollector, seconds: float) -> None:
    threading.Timer(seconds, collector.fail, [None]).start()


@pytest.mark.parametrize(
    ("fault", "temporality"),
    [
        ("refused", "cumulative"),
        ("refused", "delta"),
        ("half_closed", "delta"),
        ("503", "cumulative"),
        ("503_retry_after", "delta"),
        ("429", "lowmemory"),
        ("garbage", "cumulative"),
        ("reset", "delta"),
    ],
)
def test_an_outage_that_the_queue_can_hold_costs_nothing(
    collector: FaultyCollector, fault: str, temporality: str
) -> None:
    collector.fail(fault)
    heal_later(collector, 3.0)
    text = program("work(300, 0.01)\nassert provider.force_flush() and meters.force_flush()", interval=500)
    run(text, environment(collector, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=temporality))
    assert collector.spans == 300
    assert collector.total("work") == collector.total("time") == 300


def test_a_silent_collector_costs_nothing_either(collector: FaultyCollector) -> None:
    collector.fail("black_hole")
    heal_later(collector, 3.0)
    text = program("work(300, 0.01)", interval=500)
    run(text, environment(collector, OTEL_EXPORTER_OTLP_TIMEOUT="0.5", OTEL_BSP_SCHEDULE_DELAY="100"))
    assert (collector.spans, collector.total("work")) == (300, 300)


@pytest.mark.parametrize("fault", ["refused", "503"])
def test_delivery_resumes_without_a_record_that_asks_for_it(collector: FaultyCollector, fault: str) -> None:
    collector.fail(fault)
    text = program("work(50)\ntime.sleep(6)\nos._exit(0)")
    heal_later(collector, 3.0)
    begin = time.monotonic()
    run(text, environment(collector, OTEL_BSP_SCHEDULE_DELAY="200"))
    assert collector.spans == 50
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ("refused", ""),
        ("half_closed", "sys.exit(0)"),
        ("503", "provider.shutdown(); meters.shutdown()"),
        ("503_retry_after", ""),
        ("stuck", ""),
    ],
)
def test_a_collector_that_is_back_during_the_exit_gets_everything(
    collector: FaultyCollector, fault: str, end: str
) -> None:
    collector.fail(fault)
    heal_later(collector, 4.0)
    run(program("work(40)\n" + end), environment(collector))
    assert (collector.spans, collector.total("work")) == (40, 40)


def test_a_full_queue_says_so_once_and_is_counted_by_cause(collector: FaultyCollector) -> None:
    collector.fail("503")
    text = program(
        """
for _ in range(20):
    work(10)
    time.sleep(0.1)
assert not provider.force_flush(100)
print("counts", json.dumps(provider.dropped_spans_by_cause), processor.dropped_spans, file=sys.stderr)
"""
    )
    variables = environment(collector, OTEL_BSP_MAX_QUEUE_SIZE="20", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="5")
    log = run(text, variables)
    (line,) = [line for line in log.splitlines() if "queue was full" in line]
    assert "it holds 20" in line
    assert "OTEL_BSP_MAX_QUEUE_SIZE" in line
    (counts,) = [line.removeprefix("counts ") for line in log.splitlines() if line.startswith("counts ")]
    by_cause, total = counts.rsplit(" ", 1)
    expected = {"queue_full": int(total), "export_failed": 0, "deadline": 0, "after_shutdown": 0}
    assert json.loads(by_cause) == expected
    # What the batch in flight had beside the queue comes back to a full one.
    assert 180 <= int(total) <= 200


def test_what_is_refused_or_late_has_causes_of_its_own(collector: FaultyCollector) -> None:
    text = program(
        """
work(1)
assert provider.force_flush(20_000) and provider.dropped_spans == 0
provider.shutdown()
work(2)
assert provider.dropped_spans_by_cause["after_shutdown"] == 2
other = TracerProvider(shutdown_on_exit=False)
refused = BatchSpanProcessor(OTLPSpanExporter(endpoint="http://127.0.0.1:1/", timeout=0.1))
other.add_span_processor(refused)
other.get_tracer("scope").start_span("late").end()
refused.shutdown(200)
assert refused.dropped_spans_by_cause["deadline"] == other.dropped_spans == 1
"""
    )
    run(text, environment(collector))


def test_the_counters_are_those_of_the_global_provider_under_the_launcher(collector: FaultyCollector) -> None:
    text = """
from otel_rs_distro.configurator import OtelRsConfigurator
OtelRsConfigurator().configure()
from opentelemetry import metrics, trace
trace.get_tracer("scope").start_span("span").end()
metrics.get_meter("scope").create_counter("work").add(1)
assert trace.get_tracer_provider().force_flush()
assert metrics.get_meter_provider().force_flush()
assert set(trace.get_tracer_provider().dropped_spans_by_cause.values()) == {0}
assert set(metrics.get_meter_provider().dropped_collections_by_cause.values()) == {0}
"""
    run(text, environment(collector, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", OTEL_LOGS_EXPORTER="none"))
    assert (collector.spans, collector.total("work")) == (1, 1)


@pytest.mark.parametrize("fault", ["black_hole", "refused", "503"])
def test_flushes_leave_no_thread_behind(collector: FaultyCollector, fault: str) -> None:
    collector.fail(fault)
    text = program(
        """
def threads():
    return len(os.listdir("/proc/self/task"))
work(1)
provider.force_flush(20); meters.force_flush(20)
before = threads()
for _ in range(100):
    work(1)
    provider.force_flush(5); meters.force_flush(5)
assert threads() <= before, (before, threads())
os._exit(0)
"""
    )
    run(text, environment(collector))


def test_bursts_do_not_wait_for_the_schedule(collector: FaultyCollector) -> None:
    # Batches fill while others are exported, in every order that threads make of it.
    text = program(
        """
threads = [threading.Thread(target=work, args=(2_000, 0.0005)) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert provider.dropped_spans == 0, provider.dropped_spans_by_cause
"""
    )
    variables = environment(collector, OTEL_BSP_SCHEDULE_DELAY="600000", OTEL_BSP_MAX_QUEUE_SIZE="2048")
    run(text, variables)
    assert (collector.spans, collector.total("time")) == (8_000, 8_000)
