"""A system that has no thread to give for a while, as a container at its limit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sdk.two_sdks import run
from support.faulty_collector import FaultyCollector

# The threads of Python's own go through the same function; the program starts none while it is closed.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

int starts_fail = 0;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (starts_fail) return EAGAIN;
    if (!real) real = dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, body, argument);
}
"""

SETUP = """
import ctypes, time
from otel_rs_sdk import *
starts_fail = ctypes.c_int.in_dll(ctypes.CDLL(None), "starts_fail")
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("scope")
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
counter = meters.get_meter("scope").create_counter("work")

def work(count):
    for _ in range(count):
        tracer.start_span("work").end()
        counter.add(1)

starts_fail.value = 1
work(3)
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("shim")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("work(2)\nassert provider.force_flush() and meters.force_flush()", id="later records"),
        pytest.param("assert provider.force_flush() and meters.force_flush()\nwork(2)", id="a flush"),
        pytest.param("work(2)", id="the exit"),
    ],
)
def test_nothing_is_lost_once_threads_start_again(shim: Path, end: str) -> None:
    failing = "assert not provider.force_flush(50)\nassert not meters.force_flush(50)\nstarts_fail.value = 0\n"
    with FaultyCollector() as collector:
        run(SETUP + failing + end, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "LD_PRELOAD": str(shim)})
        assert (collector.spans, collector.total("work")) == (5, 5)


def test_a_shutdown_without_a_thread_says_what_it_costs(shim: Path) -> None:
    with FaultyCollector() as collector:
        program = """
begin = time.monotonic()
provider.shutdown(); meters.shutdown()
assert time.monotonic() - begin < 5
assert provider.dropped_spans_by_cause["deadline"] == 3
assert meters.dropped_collections_by_cause["deadline"] == 1
starts_fail.value = 0
"""
        log = run(SETUP + program, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "LD_PRELOAD": str(shim)})
        assert "3 spans were not exported" in log
        assert (collector.spans, collector.total("work")) == (0, 0)
