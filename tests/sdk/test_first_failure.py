"""Whatever keeps telemetry from its collector is told within three seconds of the first attempt, in an idle process."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sdk.two_sdks import run
from support.otlp_receiver import OtlpReceiver

# Each exporter has a processor or reader of its own; then the process does nothing.
PROGRAM = """
import os, sys, time
from otel_rs_sdk import *
for endpoint in sys.argv[1:]:
    if SIGNAL == "spans":
        provider = TracerProvider(shutdown_on_exit=False)
        processor = BatchSpanProcessor(OTLPSpanExporter(endpoint), schedule_delay_millis=10)
        provider.add_span_processor(processor)
        provider.get_tracer("scope").start_span("span").end()
    else:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint), export_interval_millis=10)
        provider = MeterProvider([reader], shutdown_on_exit=False)
        provider.get_meter("scope").create_counter("c").add(1)
time.sleep(3)
os._exit(0)
"""


@pytest.fixture
def failures() -> Iterator[dict[str, tuple[str, str, str]]]:
    """Endpoints that fail, by how they do: the URL, and patterns of what is said of it and of what to do."""
    with ExitStack() as stack:
        refusing, busy, fine, silent = (stack.enter_context(OtlpReceiver()) for _ in range(4))
        refusing.status, busy.status, silent.hang = 401, 503, True
        refusing.answer = ("text/plain", b"who are you?")
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # What comes after those that wait gets no answer to its first packet.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))
        yield {
            "refused": (f"http://127.0.0.1:{closed.getsockname()[1]}/", "Connection refused", "Check the endpoint"),
            "401": (f"{refusing.endpoint}/", 'HTTP 401 Unauthorized: "who are you', "OTEL_EXPORTER_OTLP_HEADERS"),
            "503": (f"{busy.endpoint}/", "HTTP 503 Service Unavailable", "stay queued and are tried again"),
            "no TLS": (
                fine.endpoint.replace("http:", "https:") + "/",
                "corrupt message",
                "is the endpoint an http:// URL",
            ),
            "no such host": ("http://collector.invalid/", "lookup|no answer from", "check (the endpoint|host)"),
            "no answer": (f"{silent.endpoint}/", "no answer from", "check host, port and firewall"),
            "no connection": (
                f"http://127.0.0.1:{full.getsockname()[1]}/",
                "no answer from",
                "check host, port and firewall",
            ),
        }


@pytest.mark.parametrize("signal", ["spans", "metrics"])
def test_the_first_failure_is_told_soon(signal: str, failures: dict[str, tuple[str, str, str]]) -> None:
    endpoints = [endpoint for endpoint, _, _ in failures.values()]
    log = run(f"import sys; sys.argv[1:] = {endpoints!r}; SIGNAL = {signal!r}\n{PROGRAM}")
    lines = log.splitlines()
    assert all(line.split(" ", 1)[1].startswith("otel-rs: ") for line in lines), log
    for how, (endpoint, said, advice) in failures.items():
        about = [line for line in lines if endpoint in line]
        assert len(about) == 1, (how, log)
        assert re.search(f"({said}).*{advice}", about[0]), (how, about)


def test_one_that_answers_slowly_is_told_once(receiver: OtlpReceiver) -> None:
    program = f"""
import threading, time
from otel_rs_sdk import *
from otel_rs_sdk import _native
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("{receiver.endpoint}/v1/traces")))
provider.get_tracer("scope").start_span("span").end()
assert provider.force_flush()
"""
    handle = receiver.handle

    def slowly(path: str, headers: dict[str, str], body: bytes) -> int | None:
        import time

        time.sleep(3)
        return handle(path, headers, body)

    receiver.handle = slowly  # type: ignore[method-assign]
    [line] = run(program).splitlines()
    assert "no answer from" in line
    assert [span.name for span in receiver.spans] == ["span"]
