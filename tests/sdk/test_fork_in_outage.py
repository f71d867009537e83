"""Fork while the collector is away: the parent keeps what it has queued, the child starts with nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sdk.two_sdks import run
from support.faulty_collector import FaultyCollector

SETUP = """
import os, sys, threading, time
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=50))
tracer = provider.get_tracer("scope")
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=100)])
counter = meters.get_meter("scope").create_counter("work")

def work(count):
    for _ in range(count):
        tracer.start_span("work").end()
        counter.add(1)

def threads():
    return len(os.listdir("/proc/self/task"))

def join(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


@pytest.fixture
def collector() -> Iterator[FaultyCollector]:
    with FaultyCollector() as collector:
        yield collector


def variables(collector: FaultyCollector, temporality: str = "cumulative") -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": temporality,
    }


@pytest.mark.parametrize("fault", ["refused", "503", "black_hole"])
@pytest.mark.parametrize("temporality", ["cumulative", "delta"])
def test_each_process_delivers_its_own_once(collector: FaultyCollector, fault: str, temporality: str) -> None:
    collector.fail(fault)
    threading.Timer(3.0, collector.fail, [None]).start()
    program = """
work(50)
time.sleep(0.5)  # attempts fail, and what failed is back in the queue
if (pid := os.fork()) == 0:
    assert threads() == 1
    work(7)
    provider.shutdown(); meters.shutdown()
    os._exit(0)
work(20)
join(pid)
"""
    run(SETUP + program, variables(collector, temporality) | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"})
    assert (collector.spans, collector.duplicates) == (77, 0)
    assert collector.total("work") == 77


def test_a_child_of_a_process_that_flushes_does_not_wait_for_that(collector: FaultyCollector) -> None:
    collector.fail("black_hole")
    program = """
work(10)
flushes = [threading.Thread(target=flush, args=(3_000,)) for flush in (provider.force_flush, meters.force_flush)]
for flush in flushes: flush.start()
time.sleep(0.3)
for _ in range(5):
    if (pid := os.fork()) == 0:
        begin = time.monotonic()
        assert provider.force_flush(20_000) and meters.force_flush(20_000)
        assert time.monotonic() - begin < 10
        os._exit(0)
    join(pid)
for flush in flushes: flush.join()
os._exit(0)
"""
    run(SETUP + program, variables(collector))


def test_children_that_fork_while_all_record(collector: FaultyCollector) -> None:
    program = """
stop = threading.Event()
def busy():
    while not stop.is_set():
        work(1)
        time.sleep(0.001)
recorders = [threading.Thread(target=busy) for _ in range(3)]
for recorder in recorders: recorder.start()
for _ in range(10):
    if (pid := os.fork()) == 0:
        work(5)
        if (grandchild := os.fork()) == 0:
            work(3)
            assert provider.force_flush() and meters.force_flush()
            os._exit(0)
        join(grandchild)
        assert provider.force_flush() and meters.force_flush()
        os._exit(0)
    join(pid)
stop.set()
for recorder in recorders: recorder.join()
provider.shutdown(); meters.shutdown()
assert provider.dropped_spans == 0
"""
    run(SETUP + program, variables(collector))
    assert collector.duplicates == 0
    assert collector.spans == collector.total("work") >= 80
