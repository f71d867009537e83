"""Names in OTEL_PROPAGATORS and OTEL_PYTHON_CONTEXT that the API does not find: the application starts all the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

W3C = ["TraceContextTextMapPropagator", "W3CBaggagePropagator"]

# What a process sees that imports the API, directly or through the launcher's own code.
PROGRAM = """
import json, os, sys
from opentelemetry import baggage, context, propagate, trace
carrier = {}
outgoing = baggage.set_baggage("k", "v", trace.set_span_in_context(trace.NonRecordingSpan(
    trace.SpanContext(1, 2, False))))
propagate.inject(carrier, outgoing)
print(json.dumps({
    "propagators": [type(item).__name__ for item in propagate.get_global_textmap()._propagators],
    "headers": sorted(carrier),
    "context": type(context._RUNTIME_CONTEXT).__name__,
    "variables": {name: value for name, value in os.environ.items() if name.startswith("OTEL_P")},
}))
"""


def start(*launcher: str, folder: Path | None = None, **variables: str) -> tuple[dict[str, Any], list[str]]:
    """What the program found, and the lines on standard error."""
    path = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    others = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none", "PATH": path}
    if folder is not None:
        others["PYTHONPATH"] = str(folder)
    result = subprocess.run(
        [*launcher, sys.executable, "-c", PROGRAM],
        env=others | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    # "Configuration of … not loaded" is the launcher's own line about the other configurator.
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Configuration of configurator ")]
    return json.loads(result.stdout), lines


@pytest.fixture(params=["plain", "launcher"])
def launcher(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """How the process starts."""
    tool = os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument")
    return (tool,) if request.param == "launcher" else ()


@pytest.mark.parametrize(
    ("value", "propagators", "words"),
    [
        ("b4", W3C, ("'b4'", "tracecontext,baggage")),
        ("tracecontext,b4", W3C[:1], ("'b4'", "using tracecontext:")),
        ("xray\n, baggage ,jaeger", W3C[1:], ("'xray'", "'jaeger'", "using baggage:")),
        ('"tracecontext"', W3C, ("not installed",)),
        ("none,b4", [], ("'none'",)),
        ("ünbekannt" * 100, W3C, ("not installed",)),
    ],
)
def test_unknown_propagators(value: str, propagators: list[str], words: tuple[str, ...], launcher: tuple[str]) -> None:
    found, lines = start(*launcher, OTEL_PROPAGATORS=value)
    assert found["propagators"] == propagators
    assert ("traceparent" in found["headers"]) == (W3C[0] in propagators)
    # A child of another environment may have them.
    assert found["variables"]["OTEL_PROPAGATORS"] == value
    [line] = lines
    assert line.startswith("otel-rs: OTEL_PROPAGATORS is ")
    assert all(word in line for word in words)
    assert len(line) < 700


@pytest.mark.parametrize(
    ("value", "propagators"),
    [
        ("", W3C),
        (" , ", W3C),
        ("TraceContext, BAGGAGE\n", W3C),
        ("baggage,baggage,,tracecontext", W3C[::-1]),
        ("None", []),
        ("baggage", W3C[1:]),
    ],
)
def test_what_needs_no_word(value: str, propagators: list[str], launcher: tuple[str]) -> None:
    found, lines = start(*launcher, OTEL_PROPAGATORS=value)
    assert (found["propagators"], lines) == (propagators, [])


def test_installed_propagators(tmp_path: Path, launcher: tuple[str]) -> None:
    """One works, one is broken, and one raises when it is made."""
    metadata = tmp_path / "vendor-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[opentelemetry_propagator]\nVendor = vendor:Vendor\nbroken = vendor_absent:Vendor\nfails = vendor:Fails\n"
    )
    (tmp_path / "vendor.py").write_text(
        "from opentelemetry.propagate import extract, inject\n"
        "from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator\n"
        "class Vendor(TraceContextTextMapPropagator): pass\n"
        "class Fails(Vendor):\n    def __init__(self): raise RuntimeError('no licence')\n"
    )
    found, lines = start(*launcher, folder=tmp_path, OTEL_PROPAGATORS="Vendor,baggage")
    assert (found["propagators"], lines) == (["Vendor", "W3CBaggagePropagator"], [])
    found, lines = start(*launcher, folder=tmp_path, OTEL_PROPAGATORS="vendor,broken,baggage,fails")
    assert found["propagators"] == ["Vendor", "W3CBaggagePropagator"]
    [line] = lines
    assert all(word in line for word in ("using Vendor,baggage", "vendor_absent", "no licence"))


@pytest.mark.parametrize(("value", "warnings"), [("nope", 1), ("  ", 0), ("contextvars_context\n", 0), ("", 0)])
def test_runtime_context(value: str, warnings: int, launcher: tuple[str]) -> None:
    found, lines = start(*launcher, OTEL_PYTHON_CONTEXT=value)
    assert found["context"] == "ContextVarsRuntimeContext"
    assert len(lines) == warnings
    assert all(line.startswith("otel-rs: OTEL_PYTHON_CONTEXT is 'nope'; expected contextvars") for line in lines)


def test_a_loader_that_serves_many_modules(tmp_path: Path) -> None:
    """The API in an archive: its loader executes other modules too."""
    import zipfile

    import opentelemetry.propagate

    root = Path(opentelemetry.propagate.__file__).parents[2]
    archive = tmp_path / "api.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for source in (root / "opentelemetry").rglob("*.py"):
            if source.relative_to(root).parts[1] not in ("sdk", "exporter", "instrumentation", "semconv", "proto"):
                zipped.write(source, source.relative_to(root))
    found, lines = start(folder=archive, OTEL_PROPAGATORS="b4,baggage")
    assert found["propagators"] == W3C[1:]
    assert [line.startswith("otel-rs: OTEL_PROPAGATORS is 'b4,baggage'") for line in lines] == [True]
