"""Collectors that are absent, busy or silent, and configuration that makes no sense: bounded, and one clear line."""

from __future__ import annotations

import re
import threading
import time

import pytest

from sdk.two_sdks import Sdk, both_sdks, run
from support.otlp_receiver import OtlpReceiver

EXPORT_ONE_SPAN = """
from otel_rs_sdk import BatchSpanProcessor, OTLPSpanExporter, TracerProvider
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("scope").start_span("span").end()
provider.shutdown()
"""

MAKE_AN_EXPORTER = "import otel_rs_sdk; otel_rs_sdk.OTLPSpanExporter()"


@both_sdks
def test_a_busy_collector_gets_the_spans_later(sdk: Sdk, receiver: OtlpReceiver) -> None:
    receiver.status = 503

    def recover() -> None:
        receiver.wait_for(lambda receiver: len(receiver.paths) == 1)
        receiver.status = 200

    recovery = threading.Thread(target=recover)
    recovery.start()
    with sdk.tracer(endpoint=f"{receiver.endpoint}/v1/traces") as tracer:
        tracer.start_span("patient").end()
    recovery.join()
    assert [span.name for span in receiver.spans] == ["patient"]
    assert len(receiver.paths) == 2


def test_a_silent_collector_costs_the_shutdown_ten_seconds(receiver: OtlpReceiver) -> None:
    receiver.hang = True
    started = time.monotonic()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5"}
    log = run(EXPORT_ONE_SPAN, environment)
    assert time.monotonic() - started < 20
    assert "no answer in time" in log
    assert receiver.endpoint in log


def test_an_absent_collector_is_said_once_without_credentials() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:secret@127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5",
    }
    log = run(EXPORT_ONE_SPAN, environment)
    assert log.count("http://127.0.0.1:1/v1/traces") == 1
    assert "refused" in log
    assert "secret" not in log


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"},
            'OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4318"; expected a URL like http://collector:4318; '
            "using http://collector:4318",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://me:secret@host:port/"},
            'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is "http://…@host:port/"; expected a URL',
        ),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, 'OTEL_EXPORTER_OTLP_TIMEOUT is "soon"; expected a number of seconds'),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zip"}, 'OTEL_EXPORTER_OTLP_COMPRESSION is "zip"; expected gzip, deflate'),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, 'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc"; expected http/protobuf'),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"},
            'OTEL_EXPORTER_OTLP_ENDPOINT is "http://collector:4317", but port 4317 is where collectors take gRPC',
        ),
        (
            {"OTEL_EXPORTER_OTLP_HEADERS": 'fine=1,api-key="secret"'},
            'OTEL_EXPORTER_OTLP_HEADERS is not usable for "api-key"; expected name=value pairs',
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "http_proxy": "socks5://me:secret@proxy:1080"},
            'http_proxy is "socks5://…@proxy:1080"; expected an http:// or https:// URL; using no proxy',
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(environment: dict[str, str], line: str) -> None:
    log = run(MAKE_AN_EXPORTER, environment)
    assert log.count("\n") == 1
    assert log.startswith(f"WARNING otel-rs: {line}")
    assert "secret" not in log


def test_a_certificate_that_is_not_there_stops_the_export_and_not_the_application() -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere/ca.pem",
    }
    log = run(EXPORT_ONE_SPAN, environment)
    assert re.search(r"OTEL_EXPORTER_OTLP_CERTIFICATE names /nowhere/ca\.pem, which cannot be read", log)


def test_making_an_exporter_starts_no_thread_and_opens_nothing() -> None:
    program = """
import os, threading
from otel_rs_sdk import *
before = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
exporter = OTLPSpanExporter(endpoint="https://127.0.0.1:1/")
reader = PeriodicExportingMetricReader(OTLPMetricExporter())
meters = MeterProvider([reader])
counter = meters.get_meter("scope").create_counter("c")
assert before == (len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
"""
    assert run(program) == ""
