"""The span of making a bridge: the same from the reference implementation and from ours."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import asgiref.sync
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from asgiref_plugin.conftest import Instrument
from asgiref_plugin.reference import SCHEMA, SCOPE
from support.telemetry import Telemetry


def plain(value: int = 1, *, extra: int = 0) -> int:
    return value + extra


async def coroutine(value: int = 1, *, extra: int = 0) -> int:
    return value + extra


def assert_bridge(span: ReadableSpan, function: str) -> str:
    """The span is one of making a bridge and says nothing else; returns its stack."""
    assert span.name == f"asgiref.sync.{function}"
    assert span.kind is SpanKind.INTERNAL
    assert span.attributes == {}
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope is not None
    assert (span.instrumentation_scope.name, span.instrumentation_scope.schema_url) == (SCOPE, SCHEMA)
    (event,) = span.events
    assert event.name == "exception"
    attributes = dict(event.attributes or {})
    stack = attributes.pop("exception.stacktrace")
    assert attributes == {"exception.type": span.name, "exception.escaped": "False"}
    assert isinstance(stack, str)
    return stack


def test_sync_to_async(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    bridge = asgiref.sync.sync_to_async(plain)
    stack = assert_bridge(telemetry.span(), "sync_to_async")
    # The caller is the last entry, with its source line.
    assert stack.endswith("in test_sync_to_async\n    bridge = asgiref.sync.sync_to_async(plain)\n")
    assert stack.count("\n\n  File") == 8
    assert asyncio.run(bridge(2, extra=3)) == 5
    assert len(telemetry.spans) == 1


def test_async_to_sync(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    assert asgiref.sync.async_to_sync(coroutine)(2, extra=3) == 5
    stack = assert_bridge(telemetry.span(), "async_to_sync")
    assert stack.endswith("    assert asgiref.sync.async_to_sync(coroutine)(2, extra=3) == 5\n")


def test_keyword_arguments(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    assert asyncio.run(asgiref.sync.sync_to_async(func=plain, thread_sensitive=False)()) == 1
    assert asgiref.sync.async_to_sync(awaitable=coroutine, force_new_loop=True)() == 1
    first, second = telemetry.spans
    assert_bridge(first, "sync_to_async")
    assert_bridge(second, "async_to_sync")


def test_decorators(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()

    @asgiref.sync.sync_to_async
    def one() -> int:
        return 1

    @asgiref.sync.async_to_sync
    async def two() -> int:
        return 2

    assert (asyncio.run(one()), two()) == (1, 2)
    first, second = telemetry.spans
    assert_bridge(first, "sync_to_async")
    assert_bridge(second, "async_to_sync")


def test_decorators_with_options(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    decorate: Any = asgiref.sync.sync_to_async(thread_sensitive=False)
    assert_bridge(telemetry.span(), "sync_to_async")
    # asgiref itself makes the bridge then, without its own function.
    assert asyncio.run(decorate(plain)()) == 1
    assert len(telemetry.spans) == 1


def test_methods(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()

    class Model:
        @asgiref.sync.sync_to_async
        def read(self) -> Model:
            return self

    model = Model()
    assert asyncio.run(model.read()) is model
    assert_bridge(telemetry.span(), "sync_to_async")


def test_the_span_is_current_while_the_bridge_is_made(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    current: list[trace.Span] = []

    class Callable:
        @property
        def __call__(self) -> Any:
            current.append(trace.get_current_span())
            return plain

    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("outside") as outside:
        asgiref.sync.sync_to_async(Callable())
        assert trace.get_current_span() is outside
    bridge, parent = telemetry.spans
    assert current
    assert [span.get_span_context() for span in current] == [bridge.get_span_context()] * len(current)
    assert bridge.parent == parent.get_span_context()


def test_what_it_raises_is_recorded(instrument: Instrument, telemetry: Telemetry) -> None:
    instrument()
    with pytest.raises(TypeError, match="can only be applied to sync functions"):
        asgiref.sync.sync_to_async(coroutine)
    span = telemetry.span()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "TypeError: sync_to_async can only be applied to sync functions."
    bridge, error = span.events
    assert (bridge.attributes or {})["exception.type"] == "asgiref.sync.sync_to_async"
    assert (error.attributes or {})["exception.type"] == "TypeError"
    assert "in __init__" in str((error.attributes or {})["exception.stacktrace"])


def test_arguments_that_do_not_fit(instrument: Instrument, telemetry: Telemetry) -> None:
    sync_to_async: Any = asgiref.sync.sync_to_async
    with pytest.raises(TypeError) as bare:
        sync_to_async(plain, nonsense=1)
    instrument()
    sync_to_async = asgiref.sync.sync_to_async
    with pytest.raises(TypeError) as traced:
        sync_to_async(plain, nonsense=1)
    assert str(traced.value) == str(bare.value)
    assert telemetry.span().status.status_code is StatusCode.ERROR


def test_bridges_are_what_they_were(instrument: Instrument) -> None:
    bare = asgiref.sync.sync_to_async(plain), asgiref.sync.async_to_sync(coroutine)
    instrument()
    traced = asgiref.sync.sync_to_async(plain), asgiref.sync.async_to_sync(coroutine)
    for one, other in zip(bare, traced, strict=True):
        assert type(one) is type(other)
        assert inspect.iscoroutinefunction(one) == inspect.iscoroutinefunction(other)
        assert vars(one).keys() == vars(other).keys()


@pytest.mark.parametrize("limit", [None, 0, 1, 2, 10, -1, -2, -1000, True])
def test_limits(instrument: Instrument, telemetry: Telemetry, limit: int | None) -> None:
    instrument(stacktrace_limit=limit)
    asgiref.sync.sync_to_async(plain)
    stack = assert_bridge(telemetry.span(), "sync_to_async")
    frames = stack.count('  File "')
    if limit is None or limit == -1000:
        assert frames == len(inspect.stack(0))
    else:
        assert frames == max(abs(limit) - 1, 0)
    assert ("in test_limits" in stack) == (limit in (None, 2, 10, -1000))
