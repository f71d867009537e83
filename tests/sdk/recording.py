"""Native providers whose spans are kept."""

from typing import Any

import otel_rs_sdk
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, TraceFlags, TraceState
from otel_rs_sdk import TracerProvider


class Recorder(otel_rs_sdk.SpanProcessor):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.started: list[tuple[Any, Any]] = []
        self.ended: list[Any] = []

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """Keeps the span and the context that it is told."""
        self.started.append((span, parent_context))

    def on_end(self, span: Any) -> None:
        """Keeps the span."""
        self.ended.append(span)


class KeepingExporter(otel_rs_sdk.SpanExporter):
    """Keeps the names of what it exports."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_shut_down = False

    def export(self, spans: Any) -> otel_rs_sdk.SpanExportResult:
        """Keeps the names."""
        self.names.extend(span.name for span in spans)
        return otel_rs_sdk.SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Notes that it is over."""
        self.is_shut_down = True


def provider(**arguments: Any) -> TracerProvider:
    """A provider that is not shut down at exit."""
    return TracerProvider(shutdown_on_exit=False, **arguments)


def remote(sampled: bool = True) -> Context:
    """A context with a remote parent."""
    context = SpanContext(1, 2, True, TraceFlags(int(sampled)), TraceState([("a", "1")]))
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())
