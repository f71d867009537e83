"""Samplers and id generators of other packages, by name; each case in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, logging
logging.basicConfig(format="%(message)s")
from otel_rs_distro.configurator import OtelRsConfigurator
OtelRsConfigurator().configure()
from opentelemetry import trace
spans = [trace.get_tracer("t").start_span(name) for name in ("kept", "dropped")]
print(json.dumps({
    "sampled": [span.get_span_context().trace_flags.sampled for span in spans],
    "trace_id": spans[0].get_span_context().trace_id,
}))
"""

# One written for the stock SDK, one on its own, and what is neither.
VENDOR = """
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

class ByName(Sampler):
    def __init__(self, name):
        self.name = name
    def should_sample(self, parent_context, trace_id, name, *_, **__):
        return SamplingResult(Decision.RECORD_AND_SAMPLE if name == self.name else Decision.DROP)
    def get_description(self):
        return "ByName"

class Ids:
    def generate_span_id(self):
        return 7
    def generate_trace_id(self):
        return 42

def fails(*_):
    raise ValueError("no\\nlicence")

def text(*_):
    return "a sampler?"
"""
ENTRY_POINTS = """
[opentelemetry_traces_sampler]
By_Name = vendor:ByName
fails = vendor:fails
text = vendor:text
absent = vendor:Absent
[opentelemetry_id_generator]
fixed = vendor:Ids
fails = vendor:fails
text = vendor:text
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a package of a vendor installs."""
    metadata = tmp_path / "vendor-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "vendor.py").write_text(VENDOR)
    return tmp_path


def run(folder: Path, **variables: str) -> tuple[dict[str, Any], list[str]]:
    """What the configured provider does, and the log."""
    settings = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "PYTHONPATH": str(folder)}
    settings["PATH"] = os.environ["PATH"]
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, env=settings | variables, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), result.stderr.splitlines()


@pytest.mark.parametrize("name", ["By_Name", "by_name", " By_Name\n"])
def test_a_sampler_of_a_package_decides(name: str, folder: Path) -> None:
    found, lines = run(folder, OTEL_TRACES_SAMPLER=name, OTEL_TRACES_SAMPLER_ARG="kept")
    assert (found["sampled"], lines) == ([True, False], [])


@pytest.mark.parametrize("name", ["fails", "text", "absent", "misspelled"])
def test_without_the_sampler_everything_is_sampled_and_said(name: str, folder: Path) -> None:
    found, lines = run(folder, OTEL_TRACES_SAMPLER=name)
    assert found["sampled"] == [True, True]
    [line] = lines
    assert line.startswith(f"otel-rs: OTEL_TRACES_SAMPLER is '{name}' (")
    assert "100 %" in line


def test_native_samplers(folder: Path) -> None:
    assert run(folder, OTEL_TRACES_SAMPLER="Always_Off ")[0]["sampled"] == [False, False]
    assert run(folder)[0]["sampled"] == [True, True]


def test_id_generators(folder: Path) -> None:
    found, lines = run(folder, OTEL_PYTHON_ID_GENERATOR="fixed")
    assert (found["trace_id"], lines) == (42, [])
    for name in ("fails", "text", "misspelled"):
        found, lines = run(folder, OTEL_PYTHON_ID_GENERATOR=name)
        assert found["trace_id"] not in (0, 42)
        assert [line.startswith(f"otel-rs: OTEL_PYTHON_ID_GENERATOR is '{name}' (") for line in lines] == [True]
    assert run(folder, OTEL_PYTHON_ID_GENERATOR="random")[1] == []
