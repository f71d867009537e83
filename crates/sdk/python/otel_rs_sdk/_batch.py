"""The batch span processor: native for native exporters, and of Python's own for exporters written in Python."""

from typing import Any

from otel_rs_sdk import _native
from otel_rs_sdk._processors import UNWRAPPED, SpanProcessor
from otel_rs_sdk._python_export import PythonBatches, settings


class BatchSpanProcessor(SpanProcessor):
    """Queues spans and exports them in batches, on a thread of its own.

    ``span_exporter`` is a native exporter, or any object with ``export`` and ``shutdown``: that is called by a thread
    of Python's, also if it derives from a native one. What is not given is read from the ``OTEL_BSP_*`` variables.
    ``export_timeout_millis`` has no effect: as in the stock SDK, the exporter's own timeout is the one that counts.
    """

    def __init__(
        self,
        span_exporter: Any,
        max_queue_size: int | None = None,
        schedule_delay_millis: float | None = None,
        max_export_batch_size: int | None = None,
        export_timeout_millis: float | None = None,
    ) -> None:
        self.span_exporter = span_exporter
        self._native: _native.BatchSpanProcessor | None = None
        self._python: PythonBatches | None = None
        arguments = (max_queue_size, schedule_delay_millis, max_export_batch_size)
        if _native.exports_natively(span_exporter):
            self._native = _native.BatchSpanProcessor(span_exporter, *arguments, export_timeout_millis)
        elif callable(getattr(span_exporter, "export", None)):
            self._python = PythonBatches(span_exporter, settings(*arguments))
        else:
            raise TypeError(
                f"BatchSpanProcessor takes a span exporter: an object with export and shutdown, not {span_exporter!r}"
            )

    def on_end(self, span: Any) -> None:
        """Queues a finished span, of this SDK or whatever reads like one, if it is sampled."""
        if self._native is not None:
            self._native.on_end(span)
        elif self._python is not None and span.context is not None and span.context.trace_flags.sampled:
            self._python.put(span)

    def force_flush(self, timeout_millis: float | None = None) -> bool:
        """Exports what it holds; false if that fails or takes longer than the time given, 30 s without it."""
        if self._native is not None:
            return self._native.force_flush(timeout_millis)
        if self._python is not None:
            return self._python.flush((30_000 if timeout_millis is None else timeout_millis) / 1000)
        return True

    def shutdown(self, timeout_millis: float | None = None) -> None:
        """Exports what it holds and takes nothing more."""
        if self._native is not None:
            self._native.shutdown(timeout_millis)
        elif self._python is not None:
            self._python.shut_down(*(() if timeout_millis is None else (timeout_millis / 1000,)))

    @property
    def dropped_spans(self) -> int:
        """How many spans were dropped: by a full queue, a failed export or a shutdown."""
        return sum(self.dropped_spans_by_cause.values())

    @property
    def dropped_spans_by_cause(self) -> dict[str, int]:
        """The same by cause: ``queue_full``, ``export_failed``, ``deadline``, ``after_shutdown``."""
        if self._native is not None:
            return self._native.dropped_spans_by_cause
        return dict(self._python.drops) if self._python is not None else {}


UNWRAPPED.append(BatchSpanProcessor)
