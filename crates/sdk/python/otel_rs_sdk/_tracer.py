"""Tracers, which other objects may pass for."""

import abc
import functools
from collections.abc import Sequence
from logging import getLogger
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind
from opentelemetry.util.types import Attributes

from otel_rs_sdk import _native
from otel_rs_sdk._current_span import CurrentSpan

_logger = getLogger("otel_rs_sdk")

_MOST_VARIANTS = 16
"""Sets of other parts with which a tracer is kept; more of them work, but are made each time."""


_NATIVE_START_SPAN = _native.NativeTracer.start_span

# The names, and the arguments of the native provider that they are.
_PARTS = {
    "sampler": "sampler",
    "resource": "resource",
    "span_processor": "span_processor",
    "id_generator": "id_generator",
    "_span_limits": "span_limits",
    "_instrumentation_scope": None,
}


class _Part:
    """A part of a tracer. One that is assigned is used from then on."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, tracer: "Tracer | None", owner: type) -> Any:
        if tracer is None:
            return self
        assigned: dict[str, Any] = tracer.__dict__.get("_assigned_parts", {})
        return assigned[self._name] if self._name in assigned else tracer._own_part(self._name)

    def __set__(self, tracer: "Tracer", value: Any) -> None:
        tracer.__dict__.setdefault("_assigned_parts", {})[self._name] = value
        # From here on its spans are started by the function that looks at the parts, not by the native method.
        tracer.__dict__["start_span"] = functools.partial(_start_span, tracer)


@functools.wraps(_NATIVE_START_SPAN)
def _start_span(
    self: Any,
    name: str,
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes = None,
    links: Sequence[Link] | None = (),
    start_time: int | None = None,
    record_exception: bool = True,
    set_status_on_exception: bool = True,
) -> trace.Span:
    tracer = _with_parts_of(self)
    return _NATIVE_START_SPAN(
        tracer, name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
    )


def _with_parts_of(receiver: Any) -> "Tracer":
    """The tracer behind a receiver, or one of its scope with the parts that the receiver has instead."""
    if type(receiver) is Tracer and "_assigned_parts" not in receiver.__dict__:
        return receiver
    tracer = getattr(receiver, "_native_tracer", None)
    if not isinstance(tracer, Tracer):
        raise TypeError(f"start_span takes a tracer or a proxy of one, not {type(receiver).__name__!r}")
    others = {}
    for name in _PARTS:
        part, own = getattr(receiver, name, None), tracer._own_part(name)
        if part is not None and part is not own and not _equal(part, own):
            others[name] = part
    if not others:
        return tracer
    variants: dict[Any, tuple[dict[str, Any], Tracer]] = tracer.__dict__.setdefault("_variants", {})
    key = tuple((name, id(part)) for name, part in others.items())
    if key not in variants:
        variant = _variant(tracer, others)
        if len(variants) >= _MOST_VARIANTS:
            return variant
        # The parts are kept, so that no other has the identity of one.
        variants[key] = (others, variant)
    return variants[key][1]


def _equal(part: Any, own: Any) -> bool:
    try:
        return bool(part == own)
    except Exception:  # What cannot be compared is another one.
        return False


def _variant(tracer: "Tracer", others: dict[str, Any]) -> "Tracer":
    arguments = {argument: others[name] for name, argument in _PARTS.items() if argument and name in others}
    try:
        provider = tracer._provider.with_parts(**arguments)
        scope = others.get("_instrumentation_scope", tracer.instrumentation_scope)
        return Tracer(provider, scope.name, scope.version, scope.schema_url, scope.attributes)
    except Exception as error:
        _logger.warning(
            "otel-rs: %s of a tracer cannot be used (%s: %.100s); the tracer's own are used, as before",
            ", ".join(others),
            type(error).__name__,
            error,
        )
        return tracer


class _TracerType(abc.ABCMeta):
    """Gives ``Tracer.start_span`` as a function that takes any receiver; that of a tracer stays the native method."""

    def __getattribute__(cls, name: str) -> Any:
        value = super().__getattribute__(name)
        return _start_span if value is _NATIVE_START_SPAN else value


class Tracer(_native.NativeTracer, trace.Tracer, metaclass=_TracerType):
    """A tracer of the native SDK. Made by ``TracerProvider.get_tracer``.

    ``sampler``, ``resource``, ``span_processor``, ``id_generator``, ``_span_limits`` and ``_instrumentation_scope`` are
    what it works with. A proxy that has others, and calls ``type(tracer).start_span(proxy, …)``, gets spans by those;
    so does who assigns them.
    """

    __slots__ = ()

    sampler = _Part()
    resource = _Part()
    span_processor = _Part()
    id_generator = _Part()
    _span_limits = _Part()
    _instrumentation_scope = _Part()

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
            if type(self) is Tracer:
                return self.start_span(
                    name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
                )
            # By keywords, as the stock tracer does it: others may take no more than those.
            return self.start_span(
                name=name,
                context=context,
                kind=kind,
                attributes=attributes,
                links=links,
                start_time=start_time,
                record_exception=record_exception,
                set_status_on_exception=set_status_on_exception,
            )

        return CurrentSpan(start, record_exception, set_status_on_exception, end_on_exit)

    @property
    def _native_tracer(self) -> "Tracer":
        """Itself, also when a proxy is asked."""
        return self

    @property
    def instrumentation_info(self) -> Any:
        """The scope, under the name that it had."""
        return self.instrumentation_scope

    def _own_part(self, name: str) -> Any:
        """What it was made with."""
        if name == "resource":
            return self._provider.resource
        if name == "_instrumentation_scope":
            return self.instrumentation_scope
        return self.__dict__.get("_own_parts", {}).get(name)

    def _is_enabled(self) -> bool:
        return True
