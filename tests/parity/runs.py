"""Runs the worker on a stack and brings together what the application saw and what the receiver got."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.telemetry import by_label
from support.otlp_receiver import OtlpReceiver

CONVENTIONS = {"old": "", "stable": "http", "both": "http/dup"}
_TESTS = Path(__file__).resolve().parents[1]
_TIMEOUT = 300.0


@dataclass(frozen=True)
class Run:
    """One process of one stack: by label what the application saw (answers, notes, logs) and the telemetry."""

    records: dict[str, Any]
    stderr: str

    def __getitem__(self, label: str) -> dict[str, Any]:
        return self.records[label]  # type: ignore[no-any-return]


class WorkerFailure(Exception):
    """The worker itself failed, not what it compares."""


def run(stack: str, convention: str, *jobs: str) -> Run:
    """Runs jobs in a process of its own."""
    with OtlpReceiver() as receiver:
        records, stderr = work(receiver, stack, convention, *jobs)
        telemetry = by_label(receiver)
    unknown = telemetry.keys() - records.keys()
    assert not unknown, f"telemetry of unknown labels: {sorted(unknown)}"
    nothing: dict[str, Any] = {"spans": [], "metrics": {}}
    merged = {label: record | telemetry.get(label, nothing) for label, record in records.items()}
    return Run(merged, stderr)


def work(receiver: OtlpReceiver, stack: str, convention: str, *jobs: str) -> tuple[dict[str, Any], str]:
    """Runs jobs with ``receiver`` as their receiver; returns their records by label, and the standard error."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "records.json"
        process = subprocess.run(
            [sys.executable, "-m", "parity.worker", stack, str(out), *jobs],
            env=_variables(receiver.endpoint, convention),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if process.returncode != 0:
            raise WorkerFailure(f"{stack} ended with {process.returncode}:\n{process.stderr[-4000:]}")
        return json.loads(out.read_text()), process.stderr


def _variables(endpoint: str, convention: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(_TESTS),
        "PYTHONHASHSEED": "0",
        "OTEL_SERVICE_NAME": "parity",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        "OTEL_SEMCONV_STABILITY_OPT_IN": CONVENTIONS[convention],
        "OTEL_PYTHON_FLASK_EXCLUDED_URLS": "excluded-by-variable",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
