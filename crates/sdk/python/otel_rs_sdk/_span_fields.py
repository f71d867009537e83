"""The private fields of a span, which in the stock SDK are plain attributes: scrubbing processors write them."""

import functools
import threading
from collections.abc import Mapping
from typing import Any

from otel_rs_sdk import _native


class ChangeableAttributes(dict[str, Any]):
    """The attributes of a span or an event as Python code changes them. What it leaves here is exported."""

    maxlen: int | None = None
    max_value_len: int | None = None

    def __init__(
        self, attributes: Mapping[str, Any], dropped: int = 0, span: "_native.NativeSpan | None" = None
    ) -> None:
        super().__init__(attributes)
        self.dropped = dropped
        self._span = span

    @property
    def _dict(self) -> "ChangeableAttributes":
        return self

    @_dict.setter
    def _dict(self, attributes: Mapping[str, Any]) -> None:
        replacement = dict(attributes)
        self.clear()
        self.update(replacement)

    def _set_items(self, attributes: Mapping[str, Any]) -> None:
        self.update(attributes)


def _telling(name: str) -> Any:
    """A method of ``dict`` that tells the span that it has changed."""
    method = getattr(dict, name)

    @functools.wraps(method)
    def change(self: ChangeableAttributes, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        finally:
            if self._span is not None:
                self._span._written()

    return change


for _method in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(ChangeableAttributes, _method, _telling(_method))


class _Field:
    """One field. What is assigned, or changed in the object that it gives, is what the span has from then on."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, span: "_native.NativeSpan | None", owner: type) -> Any:
        return self if span is None else span._field(self._name)

    def __set__(self, span: "_native.NativeSpan", value: Any) -> None:
        span._set_field(self._name, value)

    def __delete__(self, span: "_native.NativeSpan") -> None:
        span._set_field(self._name, None)


class SpanFields:
    """What a span has beside the API, under the names of the stock SDK."""

    __slots__ = ()

    _name = _Field()
    _context = _Field()
    _kind = _Field()
    _parent = _Field()
    _start_time = _Field()
    _end_time = _Field()
    _attributes = _Field()
    _events = _Field()
    _links = _Field()
    _status = _Field()
    _resource = _Field()
    _instrumentation_scope = _Field()

    @property
    def _instrumentation_info(self) -> Any:
        return getattr(self, "_instrumentation_scope", None)

    _lock = threading.RLock()
    """For code that takes it around a write. One for all spans: it guards nothing of ours."""
