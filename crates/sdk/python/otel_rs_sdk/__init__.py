"""The OpenTelemetry SDK for Python, native."""

from otel_rs_sdk import _interpreter  # noqa: F401  # makes the native module importable

# isort: split
from otel_rs_sdk import _beside_stock
from otel_rs_sdk._aggregation import (
    AggregationTemporality,
    DefaultAggregation,
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    LastValueAggregation,
    SumAggregation,
)
from otel_rs_sdk._batch import BatchSpanProcessor
from otel_rs_sdk._ids import IdGenerator, RandomIdGenerator
from otel_rs_sdk._lifecycle import export_on_sigterm
from otel_rs_sdk._metrics import MeterProvider
from otel_rs_sdk._native import (
    ConsoleMetricExporter,
    Event,
    InstrumentationScope,
    OTLPMetricExporter,
    OTLPSpanExporter,
    ParentBased,
    PeriodicExportingMetricReader,
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
from otel_rs_sdk._tracer import Tracer
from otel_rs_sdk._tracing import Span, TracerProvider

__all__ = [
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "DEFAULT_OFF",
    "DEFAULT_ON",
    "AggregationTemporality",
    "BatchSpanProcessor",
    "ConsoleMetricExporter",
    "ConsoleSpanExporter",
    "Decision",
    "DefaultAggregation",
    "DropAggregation",
    "Event",
    "ExplicitBucketHistogramAggregation",
    "ExponentialBucketHistogramAggregation",
    "IdGenerator",
    "InstrumentationScope",
    "LastValueAggregation",
    "MeterProvider",
    "OTLPMetricExporter",
    "OTLPSpanExporter",
    "ParentBased",
    "PeriodicExportingMetricReader",
    "RandomIdGenerator",
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
    "SumAggregation",
    "TraceIdRatioBased",
    "Tracer",
    "TracerProvider",
    "export_on_sigterm",
    "sampler_from_environment",
]

_beside_stock.watch()
