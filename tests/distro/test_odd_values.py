"""Values that nobody should write and somebody does: the application starts, and each bad value has one line."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from support.otlp_receiver import OtlpReceiver

PROGRAM = """
import asyncio
import flask
from opentelemetry import trace

app = flask.Flask("odd")

@app.get("/")
def index():
    asyncio.run(asyncio.sleep(0))
    return "fine"

assert app.test_client().get("/").data == b"fine"
trace.get_tracer("odd").start_span("done").end()
print(type(trace.get_tracer_provider()).__module__.split(".")[0])
"""

# None of the odd values is one of these.
NUMBERS = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
)
NAMES = (
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_LOGS_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_PROPAGATORS",
    "OTEL_PYTHON_CONTEXT",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_RS_FLASK_HANDLED_EXCEPTIONS",
    "OTEL_RS_FLASK_SPAN_AT_ARRIVAL",
    "OTEL_RS_HTTP_LOW_CARDINALITY_SPAN_NAMES",
    "OTEL_SDK_DISABLED",
    "OTEL_SEMCONV_STABILITY_OPT_IN",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
)
# Read, but any text, or one that is not used here, is as good as another.
ANY = (
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "OTEL_PYTHON_EXCLUDED_URLS",
    "OTEL_PYTHON_FLASK_EXCLUDED_URLS",
    "OTEL_RS_WSGI_SERVERS",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER_ARG",
)

BAD = {
    "a unit": "10s",
    "quotes": '"nonsense"',
    "negative": "-5",
    "huge": "9" * 400,
    "a list": "a,b,c",
    "no ASCII": "ünïcödé ☃",
    "no UTF-8": os.fsdecode(b"\xff\xfe"),
    "control characters": "a\x01\x1b[31mb",
    "two lines": "first\nsecond",
    "long": "x" * 5000,
    "a regular expression": "(",
}


def start(variables: dict[str, str], receiver: OtlpReceiver, folder: Path) -> list[str]:
    """Runs the program under the launcher; returns the lines on standard error."""
    program = folder / "program.py"
    program.write_text(PROGRAM)
    binaries = os.path.dirname(sys.executable)
    settings = {
        "PATH": os.pathsep.join((binaries, os.environ["PATH"])),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{receiver.endpoint}/v1/traces",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{receiver.endpoint}/v1/metrics",
    }
    result = subprocess.run(
        [os.path.join(binaries, "opentelemetry-instrument"), sys.executable, str(program)],
        env=settings | variables,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout.strip()) == (0, "otel_rs_sdk"), result.stderr
    # "Configuration of … not loaded" is the launcher's own line about the other configurator.
    return [line for line in result.stderr.splitlines() if not line.startswith("Configuration of configurator ")]


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_bad_values(value: str, receiver: OtlpReceiver, tmp_path: Path) -> None:
    lines = start(dict.fromkeys((*NUMBERS, *NAMES, *ANY), value), receiver, tmp_path)
    assert all(line.startswith("otel-rs: ") for line in lines), lines
    assert all(len(line) < 1200 for line in lines)
    subjects = Counter(line.removeprefix("otel-rs: ").split(" ")[0] for line in lines)
    expected = dict.fromkeys((*NUMBERS, *NAMES), 1)
    # The plugins of Flask and of WSGI read it, and each says so.
    expected["OTEL_RS_HTTP_LOW_CARDINALITY_SPAN_NAMES"] = 2
    assert {name: subjects[name] for name in expected} == expected, lines
    # Nothing that could be sent is lost.
    assert "done" in {span.name for span in receiver.spans}


@pytest.mark.parametrize("value", ["", "  ", "\n", "\t\r\n "], ids=["empty", "blanks", "newline", "mixed"])
def test_blank_is_unset(value: str, receiver: OtlpReceiver, tmp_path: Path) -> None:
    assert start(dict.fromkeys((*NUMBERS, *NAMES, *ANY), value), receiver, tmp_path) == []
    assert "done" in {span.name for span in receiver.spans}


def test_good_values_in_odd_clothes(receiver: OtlpReceiver, tmp_path: Path) -> None:
    variables = {
        "OTEL_SDK_DISABLED": " False\n",
        "OTEL_TRACES_EXPORTER": " OTLP ,otlp\n",
        "OTEL_METRICS_EXPORTER": "Otlp",
        "OTEL_PROPAGATORS": " TraceContext,BAGGAGE, ",
        "OTEL_PYTHON_DISTRO": " ",
        "OTEL_PYTHON_CONFIGURATOR": "OTEL_RS",
        "OTEL_EXPORTER_OTLP_PROTOCOL": " http/protobuf ",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP ",
        "OTEL_BSP_SCHEDULE_DELAY": " 500 ",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1.5\n",
        "OTEL_TRACES_SAMPLER": "Always_On ",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http, http/dup",
        "OTEL_RESOURCE_ATTRIBUTES": "a=1,\n b=2,",
    }
    assert start(variables, receiver, tmp_path) == []
    assert "done" in {span.name for span in receiver.spans}
