"""The end of a process: what is queued is exported, within a deadline that holds whatever the collector does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver, span_names

SETUP = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
tracer = provider.get_tracer("scope")
"""


def environment(receiver: OtlpReceiver) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}


def test_a_normal_exit_exports_what_is_queued(receiver: OtlpReceiver) -> None:
    run(SETUP + "for _ in range(1500): tracer.start_span('span').end()", environment(receiver))
    assert span_names(receiver.spans) == {"span": 1500}


def test_an_exception_and_sys_exit_do_too(receiver: OtlpReceiver) -> None:
    program = SETUP + "tracer.start_span('span').end()\nimport sys; sys.exit(0)"
    run(program, environment(receiver))
    assert span_names(receiver.spans) == {"span": 1}


def test_a_collector_that_hangs_delays_the_exit_by_the_deadline_at_most(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    begin = time.monotonic()
    log = run(
        SETUP + "from otel_rs_sdk import _lifecycle\n_lifecycle.EXIT_TIMEOUT_MILLIS = 500\n"
        "for _ in range(1500): tracer.start_span('span').end()",
        environment(receiver),
    )
    assert time.monotonic() - begin < 10
    assert "1500 spans were not exported" in log


def test_a_flush_and_a_shutdown_hold_their_deadlines(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    run(
        SETUP
        + """
import time
tracer.start_span("span").end()
begin = time.monotonic()
assert not provider.force_flush(200)
provider.shutdown(200)
assert time.monotonic() - begin < 5
assert not provider.force_flush(200)
""",
        environment(receiver),
    )


def test_a_span_after_the_shutdown_goes_nowhere(receiver: OtlpReceiver) -> None:
    run(
        SETUP + "tracer.start_span('first').end(); provider.shutdown(); tracer.start_span('late').end()",
        environment(receiver),
    )
    assert span_names(receiver.spans) == {"first": 1}


def test_shutdown_on_exit_may_be_declined(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    begin = time.monotonic()
    log = run(
        SETUP.replace("TracerProvider()", "TracerProvider(shutdown_on_exit=False)") + "tracer.start_span('span').end()",
        environment(receiver),
    )
    assert time.monotonic() - begin < 5
    assert log == ""


BY_OTHERS = {
    "a thread shuts the spans down": """
tracer.start_span("span").end()
threading.Thread(target=provider.shutdown, daemon=True).start()
""",
    "a thread shuts the metrics down": """
meters = MeterProvider(metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])
meters.get_meter("scope").create_counter("span").add(1)
threading.Thread(target=meters.shutdown, daemon=True).start()
""",
    "a processor that does not shut down what it wraps": """
class Wrapping(SpanProcessor):
    wrapped = BatchSpanProcessor(OTLPSpanExporter())
    def on_end(self, span):
        self.wrapped.on_end(span)

wrapping = TracerProvider()
wrapping.add_span_processor(Wrapping())
wrapping.get_tracer("scope").start_span("span").end()
""",
}


@pytest.mark.parametrize("program", BY_OTHERS.values(), ids=BY_OTHERS)
def test_the_exit_waits_for_what_others_export(receiver: OtlpReceiver, program: str) -> None:
    receiver.delay = 1
    log = run(SETUP + "import threading, time" + program + "time.sleep(0.2)\n", environment(receiver))
    names = [span.name for span in receiver.spans] + [metric.message.name for metric in receiver.metrics]
    assert names == ["span"]
    assert log == ""


@pytest.mark.parametrize("program", list(BY_OTHERS.values())[:2], ids=["spans", "metrics"])
def test_what_others_cannot_export_in_time_is_told(program: str, receiver: OtlpReceiver) -> None:
    receiver.hang = True
    limit = "from otel_rs_sdk import _lifecycle\n_lifecycle.EXIT_TIMEOUT_MILLIS = 500\nimport threading, time"
    log = run(SETUP + limit + program + "time.sleep(0.2)\n", environment(receiver))
    assert "not exported before the deadline of the shutdown and are lost" in log


APPLICATION = (
    SETUP
    + """
def application(environ, start_response):
    with tracer.start_as_current_span("request"):
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
"""
)


def test_sigterm_under_gunicorn_exports_what_is_queued(receiver: OtlpReceiver, tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APPLICATION)
    for preload in ([], ["--preload"]):
        receiver.spans.clear()
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--no-control-socket",
            "-b",
            "127.0.0.1:0",
            "-w",
            "2",
            *preload,
            "served:application",
        ]
        server = subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, **environment(receiver)}, stderr=subprocess.PIPE, text=True
        )
        assert server.stderr is not None
        with server, contextlib.ExitStack() as stack:
            stack.callback(server.kill)
            url = next(line.split("Listening at: ")[1].split()[0] for line in server.stderr if "Listening at" in line)
            for _ in range(30):
                urllib.request.urlopen(url, timeout=10).close()
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)
        assert span_names(receiver.spans) == {"request": 30}
        assert len({span.trace_id for span in receiver.spans}) == 30


class Waiting:
    """A program that waits in a way that a signal interrupts, after it has written a line."""

    def __init__(self, receiver: OtlpReceiver, program: str) -> None:
        # Short waits: Python runs no handler for a signal that comes just before a long one begins, until that ends.
        waiting = "\nimport time\nprint('ready', flush=True)\nwhile True: time.sleep(0.05)"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SETUP + program + waiting],
            env={**os.environ, **environment(receiver)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "subprocess.Popen[str]":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_sigterm_exports_what_is_queued_if_asked_to(receiver: OtlpReceiver) -> None:
    with Waiting(receiver, "export_on_sigterm()\ntracer.start_span('span').end()") as process:
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
    assert span_names(receiver.spans) == {"span": 1}


def test_a_handler_of_the_application_stays(receiver: OtlpReceiver) -> None:
    program = """
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
export_on_sigterm()
tracer.start_span('span').end()
"""
    with Waiting(receiver, program) as process:
        process.terminate()
        assert process.wait(30) == 3
    assert receiver.spans == []


def test_sigterm_ends_the_process_when_the_collector_hangs(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    program = """
from otel_rs_sdk import _lifecycle
_lifecycle.SIGTERM_TIMEOUT_MILLIS = 500
export_on_sigterm()
tracer.start_span('span').end()
"""
    with Waiting(receiver, program) as process:
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


def test_a_second_sigterm_ends_the_process_at_once(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    program = """
from otel_rs_sdk import _lifecycle
_lifecycle.SIGTERM_TIMEOUT_MILLIS = 600_000
export_on_sigterm()
tracer.start_span('span').end()
"""
    with Waiting(receiver, program) as process:
        process.terminate()
        assert receiver.wait_for(lambda receiver: bool(receiver.paths))
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


def test_a_lock_of_the_interrupted_thread_does_not_keep_the_process(receiver: OtlpReceiver) -> None:
    program = """
from threading import Lock
from otel_rs_sdk import _lifecycle
_lifecycle.SIGTERM_TIMEOUT_MILLIS = 500
lock = Lock()

class Locking(SpanProcessor):
    def shutdown(self):
        with lock:
            pass

provider.add_span_processor(Locking())
export_on_sigterm()
lock.acquire()
"""
    with Waiting(receiver, program) as process:
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
