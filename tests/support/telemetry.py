"""The stock SDK or ours, with everything kept in memory."""

from __future__ import annotations

from typing import Any

import otel_rs_sdk
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Telemetry:
    """Providers, and what has come to them."""

    def __init__(self, *, native: bool = False) -> None:
        self.native = native
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider: Any = otel_rs_sdk.TracerProvider() if native else TracerProvider()
        processor: Any = otel_rs_sdk.SimpleSpanProcessor if native else SimpleSpanProcessor
        self.tracer_provider.add_span_processor(processor(self._exporter))
        # Metrics come from the stock SDK in any case: ours has no reader that keeps them in memory.
        self.meter_provider = MeterProvider([self._reader])

    def __enter__(self) -> Telemetry:
        return self

    def __exit__(self, *_: object) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()

    @property
    def providers(self) -> dict[str, Any]:
        """As keyword arguments of ``instrument()``."""
        return {"tracer_provider": self.tracer_provider, "meter_provider": self.meter_provider}

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """The spans that have ended."""
        return self._exporter.get_finished_spans()

    def span(self) -> ReadableSpan:
        """The only span."""
        (span,) = self.spans
        return span

    def clear(self) -> None:
        """Forgets the spans."""
        self._exporter.clear()

    def points(self, metric: str) -> list[Any]:
        """The data points of a metric, as they are now."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]
