"""The tracing classes: native ones joined with the abstract classes of the OpenTelemetry API."""

from collections.abc import Mapping
from logging import getLogger
from typing import Any

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from otel_rs_sdk import _lifecycle, _native
from otel_rs_sdk._active_processor import ActiveSpanProcessor
from otel_rs_sdk._disabled import is_disabled
from otel_rs_sdk._ids import RandomIdGenerator
from otel_rs_sdk._processors import native_processor
from otel_rs_sdk._span_fields import SpanFields
from otel_rs_sdk._tracer import Tracer

_logger = getLogger("otel_rs_sdk")


class Span(_native.NativeSpan, SpanFields, trace.Span):
    """A span: the whole API, and readable before and after its end. Started by a tracer only."""

    __slots__ = ()


_native.register_span_type(Span)


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


def _native_generator(id_generator: Any) -> Any:
    """What the native provider is given for a generator: nothing for the native one."""
    return None if type(id_generator) is RandomIdGenerator else id_generator


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
        self._sampler = _native.sampler_from_environment() if sampler is None else sampler
        self._id_generator = RandomIdGenerator() if id_generator is None else id_generator
        self._span_limits = _native.SpanLimits() if span_limits is None else span_limits
        self._disabled = is_disabled()
        self._native = _native.NativeTracerProvider(
            self._sampler, resource, self._span_limits, _native_generator(self._id_generator), self._disabled
        )
        # The native provider that the exit knows; others share its processors.
        self._first = self._native
        self._processors: Any = ActiveSpanProcessor(self._native)
        self._tracers: dict[_ScopeKey, Tracer] = {}
        self._atexit_handler = None
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
    def _resource(self) -> Any:
        return self._native.resource

    @_resource.setter
    def _resource(self, resource: Any) -> None:
        self._replace(resource=resource)

    @property
    def sampler(self) -> Any:
        """The sampler. One that is assigned is that of the tracers that are made from then on."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: Any) -> None:
        self._replace(sampler=sampler)
        self._sampler = sampler

    @property
    def id_generator(self) -> Any:
        """The id generator, likewise."""
        return self._id_generator

    @id_generator.setter
    def id_generator(self, id_generator: Any) -> None:
        self._replace(id_generator=id_generator)
        self._id_generator = id_generator

    def _replace(self, **parts: Any) -> None:
        # Tracers that exist keep what they have, as in the stock SDK.
        self._native = self._native.with_parts(**parts)

    @property
    def _active_span_processor(self) -> Any:
        return self._processors

    @_active_span_processor.setter
    def _active_span_processor(self, processor: Any) -> None:
        if processor is not self._processors:
            if isinstance(self._processors, ActiveSpanProcessor):
                self._processors.displace(processor)
            else:
                self._native.set_span_processors([native_processor(processor)])
            self._processors = processor

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
            tracer.__dict__["_own_parts"] = {
                "sampler": self._sampler,
                "span_processor": self._processors,
                "id_generator": self._id_generator,
                "_span_limits": self._span_limits,
            }
            if len(self._tracers) < _MOST_TRACERS:
                # Atomic: of threads that race, all get the first one's tracer.
                tracer = self._tracers.setdefault(key, tracer)
        return tracer

    def add_span_processor(self, span_processor: Any) -> None:
        """Adds a span processor: a native one, or any object with ``on_start`` and ``on_end``."""
        add = getattr(self._processors, "add_span_processor", None)
        if add is None:
            # Something else was put in the place of the provider's own.
            self._native.add_span_processor(native_processor(span_processor))
        else:
            add(span_processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports what has ended; false if that takes longer than the time given."""
        return self._native.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: int = 30_000) -> None:
        """Exports what has ended and takes nothing more."""
        _lifecycle.not_at_exit(self._first)
        self._native.shutdown(timeout_millis)

    def __otel_rs_abi__(self) -> object:
        """The capsule by which instrumentations of otel-rs reach this provider without passing through Python."""
        return self._native.abi()
