"""Calls over bridges: nothing but the spans is new to the application."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import inspect
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import asgiref.sync
import otel_rs_instr_asgiref
import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode
from otel_rs_instr_asgiref import AsgirefInstrumentor

from asgiref_plugin.calls import VARIABLE, Failed, assert_measured, call, calls, coroutine, current, plain, var
from asgiref_plugin.conftest import Instrument
from support.telemetry import Telemetry

pytestmark = [
    pytest.mark.parametrize("implementation", ["stock-sdk", "native"], indirect=True),
    pytest.mark.usefixtures("outer"),
]


def test_what_functions_set_comes_back_as_it_does_bare(
    instrument_calls: Instrument, telemetry: Telemetry, outer: trace.SpanContext
) -> None:
    key = context.create_key("application")

    def set_all() -> None:
        var.set("by the function")
        context.attach(context.set_value(key, "left behind"))

    async def set_all_async() -> None:
        set_all()

    def scenario() -> list[object]:
        seen: list[object] = []

        async def main() -> None:
            await sync_to_async(set_all)()
            seen.extend((var.get(), context.get_value(key), current() == outer))
            await asyncio.sleep(0)
            seen.extend((var.get(), context.get_value(key), current() == outer))

        def sync_main() -> None:
            async_to_sync(set_all_async)()
            seen.extend((var.get(), context.get_value(key), current() == outer))

        asyncio.run(main())
        contextvars.copy_context().run(sync_main)
        return seen

    bare = scenario()
    assert bare == ["by the function", "left behind", True] * 3
    instrument_calls()
    assert scenario() == bare
    assert len(calls(telemetry)) == 2


def test_a_span_that_a_function_leaves_current(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    """As bare: it is current in the caller then. Only ours never is."""
    tracer = telemetry.tracer_provider.get_tracer("app")

    def leave() -> None:
        context.attach(trace.set_span_in_context(tracer.start_span("left")))

    async def main() -> str:
        await sync_to_async(leave)()
        span: Any = trace.get_current_span()
        return str(span.name)

    bare = asyncio.run(main())
    instrument_calls()
    assert asyncio.run(main()) == bare == "left"


def test_a_context_of_the_applications(
    instrument_calls: Instrument, telemetry: Telemetry, outer: trace.SpanContext
) -> None:
    if "context" not in inspect.signature(asgiref.sync.SyncToAsync.__init__).parameters:
        pytest.skip("this asgiref has none")
    given = contextvars.copy_context()
    given.run(var.set, "given")
    before = dict(given.items())
    instrument_calls()

    def work() -> tuple[str, trace.SpanContext]:
        seen = var.get(), current()
        var.set("changed")
        return seen

    async def main() -> tuple[str, trace.SpanContext]:
        result = await sync_to_async(work, context=given)()
        assert var.get() == "unset"
        return result

    value, inside = asyncio.run(main())
    assert (value, inside) == ("given", call(telemetry).context)
    assert given[var] == "changed"
    # Nothing of ours is left in it.
    assert given.run(current) == outer
    assert len(before) <= len(dict(given.items()))


def test_thread_sensitive_contexts(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    instrument_calls()

    async def one() -> tuple[int, int]:
        async with ThreadSensitiveContext():
            first = await sync_to_async(threading.get_ident)()
            second = await sync_to_async(threading.get_ident)()
            return first, second

    async def main() -> tuple[tuple[int, int], tuple[int, int]]:
        return await asyncio.gather(one(), one())

    (first, second), (third, fourth) = asyncio.run(main())
    assert first == second
    assert third == fourth
    assert first != third
    assert len(calls(telemetry)) == 4
    for span in calls(telemetry):
        assert_measured(span, thread_sensitive=True)


def test_the_exception_being_handled(instrument_calls: Instrument) -> None:
    """Asgiref takes it to the other side."""
    instrument_calls()

    async def async_info() -> type | None:
        return sys.exc_info()[0]

    async def main() -> type | None:
        try:
            raise Failed
        except Failed:
            return await sync_to_async(lambda: sys.exc_info()[0])()

    assert asyncio.run(main()) is Failed
    try:
        raise Failed
    except Failed:
        assert async_to_sync(async_info)() is Failed


def signature(function: Any) -> str:
    """The signature, or why there is none: some bridges have none without us either."""
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError) as error:
        return type(error).__name__


def test_bridges_look_as_they_did(instrument_calls: Instrument) -> None:
    class Model:
        @sync_to_async
        def read(self) -> None: ...

    def looks() -> list[object]:
        bridge: Any = sync_to_async(plain)
        objects: list[Any] = [
            bridge,
            async_to_sync(coroutine),
            Model().read,
            bridge.__call__,
            asgiref.sync.SyncToAsync.__call__,
            asgiref.sync.AsyncToSync.__call__,
        ]
        coroutine_checks: list[Callable[[Any], bool]] = [inspect.iscoroutinefunction, asgiref.sync.iscoroutinefunction]
        if sys.version_info < (3, 14):
            coroutine_checks.append(asyncio.iscoroutinefunction)
        return [
            [
                *(check(item) for check in coroutine_checks),
                signature(item),
                getattr(item, "__name__", None),
                getattr(item, "__qualname__", None),
            ]
            for item in objects
        ]

    bare = looks()
    instrument_calls()
    assert looks() == bare
    made = sync_to_async(plain)()
    assert inspect.iscoroutine(made)
    assert inspect.isawaitable(made)
    made.close()


def test_a_call_that_is_never_awaited(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    instrument_calls()

    def forget() -> None:
        made = sync_to_async(plain)()
        del made
        gc.collect()

    with pytest.warns(RuntimeWarning, match=r"SyncToAsync.__call__' was never awaited"):
        forget()
    assert calls(telemetry) == []


def test_a_call_from_a_thread_with_a_loop(
    instrument_calls: Instrument, telemetry: Telemetry, outer: trace.SpanContext
) -> None:
    instrument_calls()

    async def main() -> None:
        with pytest.raises(RuntimeError, match="cannot use AsyncToSync"):
            async_to_sync(coroutine)()
        assert current() == outer

    asyncio.run(main())
    span = call(telemetry)
    assert span.status.status_code is StatusCode.ERROR
    assert_measured(span, ran=False)


def test_what_is_no_coroutine_function(instrument_calls: Instrument) -> None:
    """It returns a future, something with ``__await__``, or what cannot be awaited."""

    class Odd:
        def __await__(self) -> Any:
            return asyncio.sleep(0, "awaited").__await__()

    def scenario(function: Callable[..., Any]) -> object:
        with pytest.warns(UserWarning, match="non-async-marked callable"):
            bridge: Any = async_to_sync(function)
        try:
            return bridge()
        except TypeError as error:
            return str(error)

    functions: list[Callable[[], Any]] = [Odd, lambda: 1, lambda: asyncio.sleep(0, "slept")]
    bare = [scenario(function) for function in functions]
    instrument_calls()
    assert [scenario(function) for function in functions] == bare


def test_nothing_is_kept(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    class Held:
        pass

    def run() -> weakref.ref[Held]:
        held = Held()
        asyncio.run(sync_to_async(lambda: id(held))())
        async_to_sync(functools.partial(coroutine, id(held)))()
        return weakref.ref(held)

    instrument_calls()
    held = run()
    gc.collect()
    assert held() is None
    assert len(calls(telemetry)) == 2


@pytest.mark.parametrize(("value", "warnings"), [("", 0), ("false", 0), ("yes", 1)])
def test_switched_off(
    instrument: Instrument,
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
    warnings: int,
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with caplog.at_level(logging.WARNING, "otel_rs_instr_asgiref"):
        instrument()
    asyncio.run(sync_to_async(plain)())
    assert calls(telemetry) == []
    messages = [record.getMessage() for record in caplog.records]
    # Said once in a process.
    assert messages in ([f"otel-rs: {VARIABLE} is 'yes': expected true or false; false is used"] * warnings, [])


class BrokenTracer(trace.NoOpTracer):
    """A provider's that has a bug."""

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        raise Failed("in the provider")


class BrokenProvider(trace.TracerProvider):
    """The provider."""

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return BrokenTracer()


def test_a_provider_that_raises(
    instrumentor: AsgirefInstrumentor, monkeypatch: pytest.MonkeyPatch, outer: trace.SpanContext
) -> None:
    monkeypatch.setenv(VARIABLE, "true")
    instrumentor.instrument(tracer_provider=BrokenProvider())
    assert asyncio.run(sync_to_async(plain)(1)) == (1, outer)
    assert async_to_sync(coroutine)(2) == (2, outer)
    assert otel_rs_instr_asgiref._native.panics() == 0
