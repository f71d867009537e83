"""The stock SDK and the native one under one set of names, so that a test says once what both must do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import otel_rs_sdk
import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


@dataclass(frozen=True)
class Sdk:
    """The names that both SDKs have."""

    TracerProvider: Any
    BatchSpanProcessor: Any
    OTLPSpanExporter: Any
    MeterProvider: Any
    PeriodicExportingMetricReader: Any
    OTLPMetricExporter: Any
    Resource: Any

    @contextmanager
    def tracer(self, resource: Any = None, **exporter: Any) -> Iterator[Any]:
        """A tracer whose spans have been exported when the block is left."""
        provider = self.TracerProvider(resource=resource)
        provider.add_span_processor(self.BatchSpanProcessor(self.OTLPSpanExporter(**exporter)))
        yield provider.get_tracer("scope", "1.0", "https://schema", {"scope.attribute": 1})
        provider.shutdown()

    @contextmanager
    def meter(self, resource: Any = None, **exporter: Any) -> Iterator[Any]:
        """A meter whose metrics have been exported when the block is left."""
        reader = self.PeriodicExportingMetricReader(self.OTLPMetricExporter(**exporter))
        provider = self.MeterProvider(metric_readers=[reader], resource=resource)
        yield provider.get_meter("scope", "1.0", "https://schema", {"scope.attribute": 1})
        provider.shutdown()


STOCK = Sdk(
    TracerProvider,
    BatchSpanProcessor,
    OTLPSpanExporter,
    MeterProvider,
    PeriodicExportingMetricReader,
    OTLPMetricExporter,
    Resource,
)
NATIVE = Sdk(**{name: getattr(otel_rs_sdk, name) for name in STOCK.__dataclass_fields__})

both_sdks = pytest.mark.parametrize("sdk", [pytest.param(STOCK, id="stock"), pytest.param(NATIVE, id="native")])


def run(program: str, environment: Mapping[str, str] = os.environ, timeout: float = 60) -> str:
    """Runs a program in an interpreter of its own and gives what it wrote to standard error, its log included."""
    prelude = "import logging; logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')\n"
    process = subprocess.run(
        [sys.executable, "-c", prelude + program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stderr
