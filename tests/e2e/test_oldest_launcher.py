"""The launcher of the oldest OpenTelemetry that we accept: it finds us, and wrong names stop no application."""

import json
from pathlib import Path

import pytest

from support.environments import OLDEST_PINS, Environment, environment
from support.gunicorn import Gunicorn
from support.http_client import get
from support.otlp_receiver import OtlpReceiver
from support.settings import otlp

PROVIDER = """
import json, os
from opentelemetry import trace
print(json.dumps([type(trace.get_tracer_provider()).__module__.split(".")[0], "OTEL_PYTHON_DISTRO" in os.environ]))
"""


@pytest.fixture(scope="module")
def oldest() -> Environment:
    """The oldest versions of everything, gunicorn excepted."""
    return environment("flask", "gunicorn", "otel-rs-distro", "otel-rs-instr-flask", pins=OLDEST_PINS)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_PROPAGATORS", "b4"), ("OTEL_PYTHON_CONTEXT", "nope"), ("OTEL_TRACES_EXPORTER", "zipkon")],
)
def test_requests_are_traced(
    variable: str, value: str, oldest: Environment, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    variables = otlp(receiver.endpoint, **{variable: value})
    with Gunicorn(oldest, "shop:app", tmp_path, variables=variables) as server:
        responses = [get(server.port, f"/items/{number}") for number in range(3)]
        server.terminate()
    assert [response.status for response in responses] == [200, 200, 200]
    assert [span.name for span in receiver.server_spans()] == ["GET /items/<int:number>"] * 3
    lines = [line for line in server.log.splitlines() if variable in line]
    assert [line.startswith(f"otel-rs: {variable} is '{value}'; expected ") for line in lines] == [True], server.log
    assert "Traceback" not in server.log


def test_the_choice_is_taken_back(oldest: Environment) -> None:
    variables = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    launcher = oldest.command("opentelemetry-instrument")
    result = oldest.run(launcher, oldest.python, "-c", PROVIDER, variables=variables)
    assert json.loads(result.stdout) == ["otel_rs_sdk", False], result.stderr
