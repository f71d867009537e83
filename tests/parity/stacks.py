"""The stacks: which instrumentation, and which SDK behind it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

STACKS = ("stock", "ours-on-stock-sdk", "ours-native")
BARE = "bare"


@dataclass(frozen=True)
class Providers:
    """A tracer provider and a meter provider that export to ``OTEL_EXPORTER_OTLP_ENDPOINT``."""

    tracer_provider: Any
    meter_provider: Any

    def shutdown(self) -> None:
        """Exports what is left and ends both."""
        for provider in (self.tracer_provider, self.meter_provider):
            provider.force_flush()
            provider.shutdown()


def instrumentor(stack: str) -> Any:
    """The stack's Flask instrumentor, None for the bare application."""
    if stack == BARE:
        return None
    if stack == "stock":
        return importlib.import_module("opentelemetry.instrumentation.flask").FlaskInstrumentor()
    return importlib.import_module("otel_rs_instr_flask").FlaskInstrumentor()


def middleware(stack: str) -> Any:
    """The stack's WSGI middleware, None for the bare application."""
    if stack == BARE:
        return None
    package = "opentelemetry.instrumentation.wsgi" if stack == "stock" else "otel_rs_instr_wsgi"
    return importlib.import_module(package).OpenTelemetryMiddleware


def forget_options(stack: str) -> None:
    """Resets what the stock instrumentor keeps from one ``instrument()`` to the next."""
    if stack == "stock":
        flask_class = importlib.import_module("opentelemetry.instrumentation.flask")._InstrumentedFlask
        flask_class._request_hook = None
        flask_class._response_hook = None


def providers(stack: str, label: str) -> Providers:
    """Providers whose resource says ``test.label``."""
    make = _native_providers if stack == "ours-native" else _stock_providers
    return make({"test.label": label})


def _stock_providers(attributes: dict[str, str]) -> Providers:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create(attributes)
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return Providers(tracer_provider, MeterProvider(metric_readers=[reader], resource=resource))


def _native_providers(attributes: dict[str, str]) -> Providers:
    sdk = importlib.import_module("otel_rs_sdk")
    resource = sdk.Resource.create(attributes)
    tracer_provider = sdk.TracerProvider(resource=resource)
    tracer_provider.add_span_processor(sdk.BatchSpanProcessor(sdk.OTLPSpanExporter()))
    reader = sdk.PeriodicExportingMetricReader(sdk.OTLPMetricExporter())
    return Providers(tracer_provider, sdk.MeterProvider(metric_readers=[reader], resource=resource))
