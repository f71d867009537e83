"""What the configurator sets up, each case in a process of its own: global providers are set once."""

import json
import subprocess
import sys
from typing import Any

import pytest

CONFIGURE = """
import json, logging, sys
logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
from otel_rs_distro.configurator import OtelRsConfigurator
{before}
OtelRsConfigurator().configure(auto_instrumentation_version="1.2.3")
from opentelemetry import metrics, trace
tracer_provider, meter_provider = trace.get_tracer_provider(), metrics.get_meter_provider()
with trace.get_tracer("t").start_as_current_span("s") as span:
    recording = span.is_recording()
print(json.dumps({{
    "tracer": type(tracer_provider).__module__.split(".")[0],
    "meter": type(meter_provider).__module__.split(".")[0],
    "recording": recording,
    "resource": dict(tracer_provider.resource.attributes) if hasattr(tracer_provider, "resource") else None,
}}))
"""


def configure(before: str = "", **variables: str) -> tuple[dict[str, Any], str]:
    """Runs the configurator; returns what it set up, and the log."""
    defaults = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    result = subprocess.run(
        [sys.executable, "-c", CONFIGURE.format(before=before)],
        env=defaults | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1]), result.stderr


def test_native_providers() -> None:
    found, log = configure(OTEL_SERVICE_NAME="shop", OTEL_RESOURCE_ATTRIBUTES="a=1")
    assert (found["tracer"], found["meter"], found["recording"]) == ("otel_rs_sdk", "otel_rs_sdk", True)
    resource = found["resource"]
    assert resource["service.name"] == "shop"
    assert resource["a"] == "1"
    assert resource["telemetry.auto.version"] == "1.2.3"
    assert resource["telemetry.distro.name"] == "otel-rs-distro"
    assert resource["telemetry.sdk.language"] == "python"
    assert log == ""


def test_disabled_is_silent() -> None:
    found, log = configure(OTEL_SDK_DISABLED="True", OTEL_TRACES_EXPORTER="nonsense")
    assert (found["tracer"], found["recording"]) == ("opentelemetry", False)
    assert log == ""


def test_sampler() -> None:
    found, _ = configure(OTEL_TRACES_SAMPLER="always_off")
    assert (found["tracer"], found["recording"]) == ("otel_rs_sdk", False)


def test_a_broken_sdk_does_not_reach_the_application() -> None:
    found, log = configure(before="sys.modules['otel_rs_sdk'] = None")
    assert found["recording"] is False
    assert log.startswith("ERROR otel_rs_distro.configurator")


@pytest.mark.parametrize("exporter", ["OTLPSpanExporter", "OTLPMetricExporter"])
def test_an_exporter_that_fails_costs_only_itself(exporter: str) -> None:
    before = f"import otel_rs_sdk\ndef fail(*_): raise ValueError('no')\notel_rs_sdk.{exporter} = fail"
    found, log = configure(before, OTEL_TRACES_EXPORTER="otlp", OTEL_METRICS_EXPORTER="otlp", OTEL_SERVICE_NAME="s")
    assert (found["tracer"], found["meter"]) == ("otel_rs_sdk", "otel_rs_sdk")
    assert sum(line.startswith("ERROR otel_rs_distro.configurator") for line in log.splitlines()) == 1
