"""What export threads have to say is logged by a thread that holds no lock of the application's, and soon."""

from __future__ import annotations

import pytest

from sdk.two_sdks import run

UNREACHABLE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "50"}

TRACES = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=1)))
def record():
    provider.get_tracer("scope").start_span("span").end()
"""

METRICS = """
from otel_rs_sdk import *
reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=1), export_interval_millis=50)
provider = MeterProvider(metric_readers=[reader])
counter = provider.get_meter("scope").create_counter("counter")
def record():
    counter.add(1)
"""

LINES = """
import logging, os, threading, time

class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.threads = []
    def emit(self, line):
        self.threads.append(threading.current_thread().name)

lines = Lines()
logging.getLogger("otel_rs_sdk").addHandler(lines)

def wait_for_line(seconds=60):
    until = time.monotonic() + seconds
    while not lines.threads and time.monotonic() < until:
        time.sleep(0.05)
    assert set(lines.threads) == {"otel-rs-log"}, lines.threads
"""

both = pytest.mark.parametrize("records", [TRACES, METRICS], ids=["traces", "metrics"])


@both
def test_an_idle_process_is_told(records: str) -> None:
    run(records + LINES + "record()\nwait_for_line()\nos._exit(0)", UNREACHABLE)


@both
def test_a_handler_may_take_the_lock_under_which_spans_end(records: str) -> None:
    program = """
lock = threading.Lock()

class Locking(logging.Handler):
    def emit(self, line):
        with lock:
            pass

logging.getLogger("otel_rs_sdk").addHandler(Locking())
until = time.monotonic() + 3
while time.monotonic() < until:
    with lock:
        record()
        time.sleep(0.001)
    time.sleep(0.001)
wait_for_line()
os._exit(0)
"""
    run(records + LINES + program, UNREACHABLE, timeout=90)


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "ValueError"])
def test_what_a_handler_raises_does_not_reach_the_application(error: str) -> None:
    program = f"""
class Raising(logging.Handler):
    def emit(self, line):
        raise {error}

logging.getLogger("otel_rs_sdk").addHandler(Raising())
record()
wait_for_line()
for _ in range(20):
    record()
    time.sleep(0.05)
os._exit(0)
"""
    run(TRACES + LINES + program, UNREACHABLE)


def test_a_forked_child_has_a_thread_of_its_own() -> None:
    program = """
record()
wait_for_line()
child = os.fork()
if child == 0:
    lines.threads.clear()
    record()
    wait_for_line()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
os._exit(0)
"""
    run(TRACES + LINES + program, UNREACHABLE)


def test_no_other_thread_of_python_is_started_or_kept() -> None:
    program = """
record()
wait_for_line()
others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
assert all(thread.daemon for thread in others), others
assert [thread.name for thread in others] == ["otel-rs-log"]
os._exit(0)
"""
    run(TRACES + LINES + program, UNREACHABLE)


def test_where_python_threads_cannot_run_the_line_goes_to_standard_error() -> None:
    # A regular expression that takes seconds, in which no other thread gets the interpreter.
    program = """
import re
record()
begin = time.monotonic()
length = 22
while time.monotonic() - begin < 6:
    re.match("(a+)+$", "a" * length + "b")
    length += 1
assert not lines.threads
os._exit(0)
"""
    log = run("import sys\nsys.setswitchinterval(60)\n" + TRACES + LINES + program, UNREACHABLE)
    assert "otel-rs: sending spans" in log


def test_what_is_left_is_logged_at_the_exit() -> None:
    log = run(TRACES + "record()", {**UNREACHABLE, "OTEL_BSP_SCHEDULE_DELAY": "60000"})
    assert "were not exported" in log
