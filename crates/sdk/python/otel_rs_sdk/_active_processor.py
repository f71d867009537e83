"""A provider's span processors, as the stock SDK's provider has them: in one object, which libraries look into."""

import threading
from collections.abc import Iterable
from typing import Any

from opentelemetry.context import Context

from otel_rs_sdk import _native
from otel_rs_sdk._processors import SpanProcessor, native_processor


class ActiveSpanProcessor(SpanProcessor):
    """The processors of a provider, in their order. What is assigned to ``_span_processors`` takes their place."""

    def __init__(self, native: _native.NativeTracerProvider) -> None:
        self._native = native
        self._processors: tuple[Any, ...] = ()
        self._lock = threading.Lock()
        self._displaced = False

    @property
    def _span_processors(self) -> tuple[Any, ...]:
        return self._processors

    @_span_processors.setter
    def _span_processors(self, processors: Iterable[Any]) -> None:
        self._processors = tuple(processors)
        if not self._displaced:
            self._native.set_span_processors([native_processor(processor) for processor in self._processors])

    def add_span_processor(self, span_processor: Any) -> None:
        """Adds a processor at the end."""
        self._processors = (*self._processors, span_processor)
        if not self._displaced:
            self._native.add_span_processor(native_processor(span_processor))

    def displace(self, processor: Any) -> None:
        """Has the provider tell ``processor`` alone, which may pass on to this one."""
        self._displaced = True
        self._native.set_span_processors([native_processor(processor)])

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """Tells each processor."""
        for processor in self._processors:
            processor.on_start(span, parent_context=parent_context)

    def _on_ending(self, span: Any) -> None:
        for processor in self._processors:
            if hasattr(processor, "_on_ending"):
                processor._on_ending(span)

    def on_end(self, span: Any) -> None:
        """Tells each processor."""
        for processor in self._processors:
            processor.on_end(span)

    def shutdown(self) -> None:
        """Shuts each processor down."""
        if not self._displaced:
            self._native.shutdown(30_000)
            return
        for processor in self._processors:
            processor.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flushes the processors; false if one of them fails or does not do it within the time given."""
        if not self._displaced:
            return self._native.force_flush(timeout_millis)
        flushed = [processor.force_flush(timeout_millis) for processor in self._processors]
        return all(outcome is not False for outcome in flushed)
