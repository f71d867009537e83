"""Span processors and exporters on the Python side."""

import sys
from collections.abc import Callable, Sequence
from enum import Enum
from logging import getLogger
from os import linesep
from typing import Any, TextIO

from opentelemetry import context as context_api
from opentelemetry.context import Context

from otel_rs_sdk import _native

_logger = getLogger("otel_rs_sdk")

# The API has no public name for the key by which instrumentations know that they shall keep quiet.
SUPPRESS_KEYS = ("suppress_instrumentation", getattr(context_api, "_SUPPRESS_INSTRUMENTATION_KEY", None))


def quiet_context() -> Context:
    """The current context, in which instrumentations make no spans."""
    quiet = context_api.get_current()
    for key in SUPPRESS_KEYS:
        if key is not None:
            quiet = context_api.set_value(key, True, quiet)
    return quiet


class SpanProcessor:
    """Base of span processors written in Python. Any object with these methods will do."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """Called when a span that records has started, on its thread."""

    def _on_ending(self, span: Any) -> None:
        """Called when a span that records is about to end, on its thread. As in the stock SDK, experimental."""

    def on_end(self, span: Any) -> None:
        """Called when a span that records has ended, on its thread."""

    def shutdown(self) -> None:
        """Called when the provider is shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Finishes what is under way; false if that takes longer than the time given."""
        return True


class SpanExportResult(Enum):
    """What an export has come to."""

    SUCCESS = 0
    FAILURE = 1

    def __eq__(self, other: object) -> bool:
        """Also equal to the member of that name of the stock SDK's enumeration."""
        if isinstance(other, Enum) and type(other).__name__ == type(self).__name__:
            return self.name == other.name
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)


class SpanExporter:
    """Base of span exporters written in Python. Any object with these methods will do."""

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Sends finished spans."""
        raise NotImplementedError

    def shutdown(self) -> None:
        """Called when the processor is shut down."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Finishes what is under way; false if that takes longer than the time given."""
        return True


class ConsoleSpanExporter(SpanExporter):
    """Prints spans as JSON.

    In a ``BatchSpanProcessor`` it writes to the process's standard output, without Python; with ``out`` or
    ``formatter`` it runs in Python, as in a ``SimpleSpanProcessor``.
    """

    def __init__(
        self,
        service_name: str | None = None,
        out: TextIO | None = None,
        formatter: Callable[[Any], str] | None = None,
    ) -> None:
        self.service_name = service_name
        self.out = out
        self.formatter = formatter

    @property
    def native_exporter(self) -> _native.NativeSpanExporter | None:
        """What ``BatchSpanProcessor`` exports with; ``None`` if it takes Python to do so."""
        if self.out is None and self.formatter is None and type(self) is ConsoleSpanExporter:
            return _native.NativeConsoleSpanExporter()
        return None

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Prints the spans."""
        out = self.out if self.out is not None else sys.stdout
        for span in spans:
            out.write(self.formatter(span) if self.formatter is not None else span.to_json() + linesep)
        out.flush()
        return SpanExportResult.SUCCESS


class SimpleSpanProcessor(SpanProcessor):
    """Exports each span when it ends, on the thread that ends it. Takes native and Python exporters."""

    def __init__(self, span_exporter: Any) -> None:
        self.span_exporter = span_exporter
        self._shut_down = False
        self._native: _native.NativeSimpleSpanProcessor | None = None
        if isinstance(span_exporter, _native.NativeSpanExporter) and not _overrides_export(span_exporter):
            self._native = _native.NativeSimpleSpanProcessor(span_exporter)

    def on_end(self, span: Any) -> None:
        """Exports the span, if it is sampled."""
        if self._native is not None:
            self._native.on_end(span)
        elif self._shut_down:
            _logger.warning("otel-rs: The span processor is shut down; a span was dropped")
        elif span.context is not None and span.context.trace_flags.sampled:
            self._export(span)

    def _export(self, span: Any) -> None:
        token = context_api.attach(quiet_context())
        try:
            self.span_exporter.export((span,))
        except Exception:
            _logger.exception("otel-rs: A span exporter failed; a span was dropped")
        finally:
            context_api.detach(token)

    def shutdown(self) -> None:
        """Shuts the exporter down."""
        self._shut_down = True
        if self._native is not None:
            self._native.shutdown()
        else:
            self.span_exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing to do: nothing is held back."""
        return True


def _overrides_export(exporter: _native.NativeSpanExporter) -> bool:
    """Whether it has an ``export`` of its own, which is called: it may withhold what the native one would send."""
    own = type(exporter).export is not _native.NativeSpanExporter.export
    return own or "export" in getattr(exporter, "__dict__", ())


UNWRAPPED: list[type[Any]] = [SimpleSpanProcessor]
"""Classes that stand for a native processor, if they have one."""

_METHODS = ("on_start", "_on_ending", "on_end", "force_flush", "shutdown")


def native_processor(span_processor: Any) -> Any:
    """What a provider is given for a processor: the native one behind it, if there is one and nothing is overridden."""
    own = type(span_processor)
    for known in UNWRAPPED:
        if (
            issubclass(own, known)
            and getattr(span_processor, "_native", None) is not None
            and all(getattr(own, method) is getattr(known, method) for method in _METHODS)
            and not any(method in vars(span_processor) for method in _METHODS)
        ):
            return span_processor._native
    return span_processor
