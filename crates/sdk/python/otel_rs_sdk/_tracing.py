"""The tracing classes: native ones joined with the abstract classes of the OpenTelemetry API."""

from collections.abc import Mapping, Sequence
from logging import getLogger
from os import environ
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind
from opentelemetry.util.types import Attributes, AttributeValue

from otel_rs_sdk import _lifecycle, _native
from otel_rs_sdk._current_span import CurrentSpan
from otel_rs_sdk._processors import native_processor
from otel_rs_sdk._span_fields import SpanFields

_logger = getLogger("otel_rs_sdk")


class Span(_native.NativeSpan, SpanFields, trace.Span):
    """A span: the whole API, and readable before and after its end. Started by a tracer only."""

    __slots__ = ()


_native.register_span_type(Span)


class Tracer(_native.NativeTracer, trace.Tracer):
    """A tracer of the native SDK. Made by ``TracerProvider.get_tracer``."""

    __slots__ = ()

    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> CurrentSpan:
        """Starts a span as the current one: for a ``with`` block, or as a decorator for each call of a function."""

        def start() -> trace.Span:
            return self.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )

        return CurrentSpan(start, record_exception, set_status_on_exception, end_on_exit)


_ScopeKey = tuple[str, ...]

_MOST_TRACERS = 1000
"""Scopes whose tracers are kept. Names that vary without end (a tenant's, say) get a tracer that works all the same."""


def _scope_key(name: object, version: object, schema_url: object, attributes: Any) -> _ScopeKey:
    described = sorted(_described(item) for item in attributes.items()) if attributes else ()
    return (*(_described(part) if part else "" for part in (name, version, schema_url)), *described)


def _described(part: object) -> str:
    try:
        return part if isinstance(part, str) else repr(part)
    except Exception:  # What cannot be described is told apart by its identity.
        return f"{type(part)} at {id(part)}"


class TracerProvider(trace.TracerProvider):
    """The native tracer provider, with the arguments of the stock one.

    ``sampler``, ``id_generator`` and span processors may be native or Python objects. ``resource`` may be one of the
    stock SDK. With ``shutdown_on_exit`` what is queued is exported at the exit of the process, within a deadline.
    """

    def __init__(
        self,
        sampler: Any = None,
        resource: Any = None,
        shutdown_on_exit: bool = True,
        active_span_processor: Any = None,
        id_generator: Any = None,
        span_limits: Any = None,
    ) -> None:
        self.sampler = _native.sampler_from_environment() if sampler is None else sampler
        self.id_generator = id_generator
        self._disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._native = _native.NativeTracerProvider(self.sampler, resource, span_limits, id_generator, self._disabled)
        self._tracers: dict[_ScopeKey, Tracer] = {}
        if shutdown_on_exit:
            _lifecycle.at_exit(self._native)
        else:
            self._native.decline_shutdown_on_exit()
        if active_span_processor is not None:
            self.add_span_processor(active_span_processor)

    @property
    def resource(self) -> _native.Resource:
        """The resource, as it is in this process: a forked child has a ``service.instance.id`` of its own."""
        return self._native.resource

    @property
    def dropped_spans_by_cause(self) -> dict[str, int]:
        """How many spans the native processors have lost: to a full queue (``queue_full``), because the collector
        refused them or the exporter failed for good (``export_failed``), at the end of a shutdown's time
        (``deadline``), or ended after it (``after_shutdown``).
        """
        counts: dict[str, int] = self._native.dropped_spans_by_cause
        return counts

    @property
    def dropped_spans(self) -> int:
        """How many that are in all."""
        return sum(self.dropped_spans_by_cause.values())

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> trace.Tracer:
        """The tracer of an instrumentation scope, the same one each time."""
        if self._disabled:
            return trace.NoOpTracer()
        if not instrumenting_module_name:
            _logger.error("otel-rs: get_tracer called with missing module name.")
        name, version, url = instrumenting_module_name, instrumenting_library_version, schema_url
        key = _scope_key(name, version, url, attributes)
        tracer = self._tracers.get(key)
        if tracer is None:
            tracer = Tracer(self._native, name, version, url, attributes)
            if len(self._tracers) < _MOST_TRACERS:
                # Atomic: of threads that race, all get the first one's tracer.
                tracer = self._tracers.setdefault(key, tracer)
        return tracer

    def add_span_processor(self, span_processor: Any) -> None:
        """Adds a span processor: a native one, or any object with ``on_start`` and ``on_end``."""
        self._native.add_span_processor(native_processor(span_processor))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports what has ended; false if that takes longer than the time given."""
        return self._native.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: int = 30_000) -> None:
        """Exports what has ended and takes nothing more."""
        _lifecycle.not_at_exit(self._native)
        self._native.shutdown(timeout_millis)

    def __otel_rs_abi__(self) -> object:
        """The capsule by which instrumentations of otel-rs reach this provider without passing through Python."""
        return self._native.abi()
