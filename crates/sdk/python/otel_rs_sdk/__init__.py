"""The OpenTelemetry SDK for Python, native."""

from otel_rs_sdk._native import (
    BatchSpanProcessor,
    Event,
    InstrumentationScope,
    ParentBased,
    Resource,
    SpanLimits,
    StaticSampler,
    TraceIdRatioBased,
    sampler_from_environment,
)
from otel_rs_sdk._processors import (
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
    SpanProcessor,
)
from otel_rs_sdk._sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    Sampler,
    SamplingResult,
)
from otel_rs_sdk._tracing import Span, Tracer, TracerProvider

__all__ = [
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "DEFAULT_OFF",
    "DEFAULT_ON",
    "BatchSpanProcessor",
    "ConsoleSpanExporter",
    "Decision",
    "Event",
    "InstrumentationScope",
    "ParentBased",
    "Resource",
    "Sampler",
    "SamplingResult",
    "SimpleSpanProcessor",
    "Span",
    "SpanExportResult",
    "SpanExporter",
    "SpanLimits",
    "SpanProcessor",
    "StaticSampler",
    "TraceIdRatioBased",
    "Tracer",
    "TracerProvider",
    "sampler_from_environment",
]
