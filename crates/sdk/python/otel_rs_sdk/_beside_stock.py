"""The stock SDK beside ours: its classes know ours, so that libraries join our providers and do not replace them.

It is never imported here, and nothing of it is changed: its abstract classes take ours as subclasses.
"""

from typing import Any

from otel_rs_sdk import _ids, _metrics, _native, _tracing
from otel_rs_sdk._imports import when_imported
from otel_rs_sdk._tracer import Tracer


def watch() -> None:
    """Has each module of the stock SDK that is imported, now or later, know ours."""
    when_imported("opentelemetry.sdk.trace", _join_trace)
    when_imported("opentelemetry.sdk.trace.sampling", lambda module: module.Sampler.register(_native.NativeSampler))
    when_imported("opentelemetry.sdk.trace.id_generator", lambda module: module.IdGenerator.register(_ids.IdGenerator))
    when_imported("opentelemetry.sdk.metrics", _join_metrics)


def _join_trace(stock: Any) -> None:
    stock.TracerProvider.register(_tracing.TracerProvider)
    stock.Tracer.register(Tracer)
    # Those that exist already; they are no `ReadableSpan`, which is not abstract.
    stock.Span.register(_tracing.Span)

    class Span(_tracing.Span, stock.Span):  # type: ignore[misc]
        __doc__ = _tracing.Span.__doc__
        __module__ = _tracing.Span.__module__
        __qualname__ = _tracing.Span.__qualname__
        # Made by `NativeSpan.__new__` alone.
        __init__ = object.__init__

    _native.register_stock_span_type(Span)


def _join_metrics(stock: Any) -> None:
    stock.MeterProvider.register(_metrics.MeterProvider)
    stock.Meter.register(_metrics.Meter)
