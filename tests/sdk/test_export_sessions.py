"""Sessions of the application send the requests, whatever they do to them."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from sdk.two_sdks import NATIVE, Sdk, both_sdks, run
from support.otlp_receiver import OtlpReceiver


class Signing(requests.Session):
    """Puts another token into each request, as sessions of cloud providers do."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []
        self.count = 0

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        self.count += 1
        self.threads.append(threading.current_thread().name)
        kwargs["headers"] = {**kwargs["headers"], "Authorization": f"Bearer {self.count}"}
        return super().request(method, url, *args, **kwargs)


def sent(receiver: OtlpReceiver, header: str) -> list[str | None]:
    return [{name.lower(): value for name, value in headers.items()}.get(header) for headers in receiver.headers]


@both_sdks
@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_a_session_that_signs(sdk: Sdk, signal: str, receiver: OtlpReceiver) -> None:
    session = Signing()
    endpoint = f"{receiver.endpoint}/v1/{signal}"
    if signal == "traces":
        provider = sdk.TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(sdk.BatchSpanProcessor(sdk.OTLPSpanExporter(endpoint, session=session)))
        for _ in range(2):
            provider.get_tracer("scope").start_span("s").end()
            assert provider.force_flush()
    else:
        reader = sdk.PeriodicExportingMetricReader(sdk.OTLPMetricExporter(endpoint, session=session))
        provider = sdk.MeterProvider([reader], shutdown_on_exit=False)
        for _ in range(2):
            provider.get_meter("scope").create_counter("c").add(1)
            assert provider.force_flush()
    assert sent(receiver, "authorization")[:2] == ["Bearer 1", "Bearer 2"]
    assert sent(receiver, "content-type")[:2] == ["application/x-protobuf"] * 2
    assert len(receiver.spans) == 2 or len(receiver.metrics) == 2
    if sdk is NATIVE:
        assert threading.current_thread().name not in session.threads
    provider.shutdown()


@both_sdks
def test_what_a_session_brings_along_and_what_is_set_later(sdk: Sdk, receiver: OtlpReceiver) -> None:
    session = requests.Session()
    session.headers["X-Token"] = "first"
    session.auth = ("me", "pass")
    session.params = {"tenant": "acme"}
    provider = sdk.TracerProvider(shutdown_on_exit=False)
    exporter = sdk.OTLPSpanExporter(
        f"{receiver.endpoint}/v1/traces", None, None, None, {"X-Own": "1"}, None, None, session
    )
    provider.add_span_processor(sdk.BatchSpanProcessor(exporter))
    for token in ("first", "second"):
        session.headers["X-Token"] = token
        provider.get_tracer("scope").start_span("s").end()
        assert provider.force_flush()
    assert receiver.paths == ["/v1/traces?tenant=acme"] * 2
    assert sent(receiver, "x-token") == ["first", "second"]
    assert sent(receiver, "x-own") == ["1", "1"]
    assert sent(receiver, "authorization") == ["Basic bWU6cGFzcw=="] * 2
    provider.shutdown()


def test_a_simple_processor_waits_for_it(receiver: OtlpReceiver) -> None:
    session = Signing()
    provider = NATIVE.TracerProvider(shutdown_on_exit=False)
    exporter = NATIVE.OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", session=session)
    from otel_rs_sdk import SimpleSpanProcessor

    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("scope").start_span("s").end()
    assert [span.name for span in receiver.spans] == ["s"]


def test_a_session_that_fails_loses_nothing_and_is_one_line(receiver: OtlpReceiver) -> None:
    program = f"""
import requests
from otel_rs_sdk import *
class Session:
    failures = 2
    def request(self, method, url, **kwargs):
        if self.failures:
            self.failures -= 1
            raise LookupError("no token for s3cret")
        return requests.request(method, url, **kwargs)
provider = TracerProvider()
exporter = OTLPSpanExporter("{receiver.endpoint}/v1/traces", session=Session(), headers={{"x-key": "s3cret"}})
provider.add_span_processor(BatchSpanProcessor(exporter))
provider.get_tracer("scope").start_span("span").end()
assert provider.force_flush()
"""
    # On a busy machine the collector may be slow to answer, which is told too.
    [line] = [line for line in run(program).splitlines() if "no answer from" not in line]
    assert 'failed: "LookupError: no token for …" (see the session that was given to the exporter)' in line
    assert [span.name for span in receiver.spans] == ["span"]


def test_at_the_exit_and_after_a_fork(receiver: OtlpReceiver) -> None:
    program = f"""
import os, requests, warnings
from otel_rs_sdk import *
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of a fork where there are threads.
session = requests.Session()
session.headers["x-token"] = "t"
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("{receiver.endpoint}/v1/traces", session=session)))
tracer = provider.get_tracer("scope")
tracer.start_span("parent").end()
provider.force_flush()
if (child := os.fork()) == 0:
    tracer.start_span("child").end()
    provider.force_flush()
    os._exit(0)
os.waitpid(child, 0)
tracer.start_span("at the exit").end()
"""
    assert run(program) == ""
    assert [span.name for span in receiver.spans] == ["parent", "child", "at the exit"]
    assert sent(receiver, "x-token") == ["t"] * 3


def test_its_own_requests_make_no_spans(receiver: OtlpReceiver) -> None:
    program = f"""
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
import requests
from otel_rs_sdk import *
class Session(requests.Session):
    def request(self, *args, **kwargs):
        assert not is_instrumentation_enabled()
        return super().request(*args, **kwargs)
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("{receiver.endpoint}/v1/traces", session=Session())))
provider.get_tracer("scope").start_span("span").end()
assert provider.force_flush()
"""
    assert run(program) == ""
    assert [span.name for span in receiver.spans] == ["span"]


def test_an_exporter_that_is_gone_takes_its_thread_along(receiver: OtlpReceiver) -> None:
    program = f"""
import gc, os, time, requests
from otel_rs_sdk import *
def threads():
    return len(os.listdir("/proc/self/task"))
def export():
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter("{receiver.endpoint}/v1/traces", session=requests.Session())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("scope").start_span("span").end()
    provider.shutdown()
export()
until = time.monotonic() + 20
before = None
while time.monotonic() < until and (before := threads()) > 3:
    gc.collect()
    time.sleep(0.01)
assert before <= 3, before
"""
    run(program)
    assert len(receiver.spans) == 1


PROVIDER = """
import requests
def make():
    session = requests.Session()
    session.headers["authorization"] = "from the provider"
    return session
def broken():
    raise RuntimeError("no metadata server")
"""


@pytest.mark.parametrize("variable", ["CREDENTIAL_PROVIDER", "TRACES_CREDENTIAL_PROVIDER"])
@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("case_make", "from the provider", None),
        ("case_broken", None, "RuntimeError: no metadata server"),
        ("case_absent", None, "no installed package has an entry point of that name"),
    ],
)
def test_a_credential_provider(
    variable: str, name: str, header: str | None, line: str | None, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    info = tmp_path / "case_provider-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: case-provider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_otlp_credential_provider]\ncase_make = case_provider:make\ncase_broken = case_provider:broken\n"
    )
    (tmp_path / "case_provider.py").write_text(PROVIDER)
    program = """
from otel_rs_sdk import *
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("scope").start_span("span").end()
provider.shutdown()
"""
    variable = f"OTEL_PYTHON_EXPORTER_OTLP_HTTP_{variable}"
    path = os.pathsep.join((str(tmp_path), *filter(None, sys.path)))
    log = run(program, {variable: name, "PYTHONPATH": path, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    assert sent(receiver, "authorization") == [header]
    if line is None:
        assert log == ""
    else:
        assert log.startswith(f"WARNING otel-rs: {variable} is '{name}'; expected the name of an entry point")
        assert line in log
