"""What the stock SDK takes without an exception, ours takes too, whatever it is."""

from __future__ import annotations

import enum
from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import opentelemetry.sdk.metrics
import opentelemetry.sdk.resources
import opentelemetry.sdk.trace
import otel_rs_sdk
import pytest
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState


class Text(str):
    """A string of a class of the application's."""

    __slots__ = ()


class Colour(str, enum.Enum):
    """An enumeration of strings."""

    RED = "red"


class Whole:
    """A number of a library for numbers."""

    def __index__(self) -> int:
        return 3

    def __int__(self) -> int:
        return 3

    def __float__(self) -> float:
        return 3.0

    def __repr__(self) -> str:
        return "Whole()"


class Unreadable:
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise ValueError


ODD: dict[str, Any] = {
    "None": None,
    "True": True,
    "0": 0,
    "1.5": 1.5,
    "-1": -1,
    "2**70": 2**70,
    "-2**70": -(2**70),
    "nan": float("nan"),
    "inf": float("inf"),
    "empty": "",
    "text": "text",
    "a surrogate": "\ud800 text",
    "zero byte": "a\0b",
    "a long text": "x" * 100_000,
    "bytes": b"\xff\x00",
    "a string's subclass": Text("text"),
    "an enumeration": Colour.RED,
    "a path": Path("/tmp"),
    "a decimal": Decimal("1.5"),
    "a number's like": Whole(),
    "a list": [1, "a", None],
    "a tuple": (1.5, "\udfff"),
    "a generator": (number for number in range(2)),
    "a dictionary": {"a": 1},
    "mixed keys": {"a": 1, 2: 3, None: 4, ("b",): 5, b"c": 6},
    "keys with surrogates": {"\ud800": "\ud800"},
    "a proxy": MappingProxyType({"a": 1}),
    "a mapping": UserDict({"a": [1, 2]}),
    "an ordered dictionary": OrderedDict(a={"b": {"c": 1}}),
    "a view": {"a": 1}.items(),
    "an object": object(),
    "an unreadable object": Unreadable(),
    "a class": int,
    "a function": repr,
    "an exception": ValueError("text"),
    "a status": Status(StatusCode.ERROR, "text"),
    "a code": StatusCode.OK,
    "a kind": SpanKind.CLIENT,
    "a context": SpanContext(1, 2, False),
    "too large ids": SpanContext(2**200, 2**100, False, TraceFlags(300)),
    "negative ids": SpanContext(-1, -2, True, TraceFlags(-3), TraceState([("a", "b")])),
    "links": [Link(SpanContext(1, 2, False), {"a": 1}), None],
}


class Setup:
    """The calls on one SDK."""

    def __init__(self, native: bool) -> None:
        if native:
            self.sdk: Any = otel_rs_sdk
            self.traces = otel_rs_sdk.TracerProvider(shutdown_on_exit=False)
            self.metrics: Any = otel_rs_sdk.MeterProvider(shutdown_on_exit=False)
            self.resource: Any = otel_rs_sdk.Resource
        else:
            self.sdk = opentelemetry.sdk.trace
            self.traces = opentelemetry.sdk.trace.TracerProvider(shutdown_on_exit=False)  # type: ignore[assignment]
            self.metrics = opentelemetry.sdk.metrics.MeterProvider(shutdown_on_exit=False)
            self.resource = opentelemetry.sdk.resources.Resource
        self.tracer: Any = self.traces.get_tracer("scope")
        self.meter = self.metrics.get_meter("scope")
        self.counter = self.meter.create_counter("counter")
        self.histogram = self.meter.create_histogram("histogram")

    @property
    def span(self) -> Any:
        """A new span."""
        return self.tracer.start_span("span")


def _with(manager: Any) -> None:
    with manager:
        pass


CALLS: dict[str, Callable[[Setup, Any], object]] = {
    "get_tracer(name)": lambda on, odd: on.traces.get_tracer(odd),
    "get_tracer(version)": lambda on, odd: on.traces.get_tracer("a", odd),
    "get_tracer(schema_url)": lambda on, odd: on.traces.get_tracer("a", "1", odd),
    "get_tracer(attributes)": lambda on, odd: on.traces.get_tracer("a", "1", "u", odd),
    "get_meter(name)": lambda on, odd: on.metrics.get_meter(odd),
    "get_meter(version)": lambda on, odd: on.metrics.get_meter("a", odd),
    "get_meter(schema_url)": lambda on, odd: on.metrics.get_meter("a", "1", odd),
    "get_meter(attributes)": lambda on, odd: on.metrics.get_meter("a", "1", "u", odd),
    "start_span(name)": lambda on, odd: on.tracer.start_span(odd).end(),
    "start_span(kind)": lambda on, odd: on.tracer.start_span("a", kind=odd).end(),
    "start_span(attributes)": lambda on, odd: on.tracer.start_span("a", attributes=odd).end(),
    "start_span(an attribute)": lambda on, odd: on.tracer.start_span("a", attributes={"a": odd}).end(),
    "start_span(links)": lambda on, odd: on.tracer.start_span("a", links=odd).end(),
    "start_span(start_time)": lambda on, odd: on.tracer.start_span("a", start_time=odd).end(),
    "start_span(record_exception)": lambda on, odd: on.tracer.start_span("a", record_exception=odd).end(),
    "start_span(set_status_on_exception)": lambda on, odd: on.tracer.start_span("a", set_status_on_exception=odd),
    "start_as_current_span(name)": lambda on, odd: _with(on.tracer.start_as_current_span(odd)),
    "start_as_current_span(record_exception)": lambda on, odd: _with(
        on.tracer.start_as_current_span("a", record_exception=odd, set_status_on_exception=odd, end_on_exit=odd)
    ),
    "end(time)": lambda on, odd: on.span.end(odd),
    "set_attribute(key)": lambda on, odd: on.span.set_attribute(odd, 1),
    "set_attribute(value)": lambda on, odd: on.span.set_attribute("a", odd),
    "set_attribute(a list)": lambda on, odd: on.span.set_attribute("a", [odd, odd]),
    "set_attributes": lambda on, odd: on.span.set_attributes(odd),
    "add_event(name)": lambda on, odd: on.span.add_event(odd),
    "add_event(attributes)": lambda on, odd: on.span.add_event("a", odd),
    "add_event(timestamp)": lambda on, odd: on.span.add_event("a", None, odd),
    "add_link(context)": lambda on, odd: on.span.add_link(odd),
    "add_link(attributes)": lambda on, odd: on.span.add_link(SpanContext(1, 2, False), odd),
    "update_name": lambda on, odd: on.span.update_name(odd),
    "set_status(status)": lambda on, odd: on.span.set_status(odd),
    "set_status(description)": lambda on, odd: on.span.set_status(StatusCode.ERROR, odd),
    "record_exception(exception)": lambda on, odd: on.span.record_exception(odd),
    "record_exception(text)": lambda on, odd: on.span.record_exception(ValueError(odd)),
    "record_exception(attributes)": lambda on, odd: on.span.record_exception(ValueError(), odd),
    "record_exception(timestamp)": lambda on, odd: on.span.record_exception(ValueError(), None, odd),
    "record_exception(escaped)": lambda on, odd: on.span.record_exception(ValueError(), None, None, odd),
    "create_counter(name)": lambda on, odd: on.meter.create_counter(odd),
    "create_counter(unit)": lambda on, odd: on.meter.create_counter("a", odd),
    "create_counter(description)": lambda on, odd: on.meter.create_counter("a", "b", odd),
    "create_histogram(boundaries)": lambda on, odd: on.meter.create_histogram(
        "h", explicit_bucket_boundaries_advisory=odd
    ),
    "add(amount)": lambda on, odd: on.counter.add(odd),
    "add(attributes)": lambda on, odd: on.counter.add(1, odd),
    "add(an attribute)": lambda on, odd: on.counter.add(1, {"a": odd}),
    "record(amount)": lambda on, odd: on.histogram.record(odd),
    "Resource.create": lambda on, odd: on.resource.create(odd),
    "Resource.create(an attribute)": lambda on, odd: on.resource.create({"a": odd}),
    "Resource.create(schema_url)": lambda on, odd: on.resource.create({}, odd),
    "TracerProvider(shutdown_on_exit)": lambda on, odd: type(on.traces)(shutdown_on_exit=odd and False),
    "force_flush": lambda on, odd: on.traces.force_flush(odd),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Callable[[Setup, Any], object]:
    """One of the calls."""
    return CALLS[request.param]


def _odd_values() -> Iterator[tuple[str, Any]]:
    yield from ODD.items()


@pytest.mark.filterwarnings("ignore")
def test_what_stock_takes_is_taken(call: Callable[[Setup, Any], object]) -> None:
    refused = []
    for name, odd in _odd_values():
        try:
            call(Setup(native=False), odd)
        except Exception:
            # Where stock refuses, ours may.
            continue
        try:
            call(Setup(native=True), odd)
        except Exception as error:
            refused.append(f"{name}: {type(error).__name__}: {error!s:.200}")
    assert not refused, "\n".join(refused)
