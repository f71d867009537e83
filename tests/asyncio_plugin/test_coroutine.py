"""A measured coroutine, driven by hand: it is what is inside, and is measured once."""

from __future__ import annotations

import asyncio
import collections.abc
import gc
import inspect
import sys
import types
import weakref
from collections.abc import Generator
from typing import Any

import pytest
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from support.telemetry import Telemetry


@types.coroutine
def step(value: object = None) -> Generator[object, object, object]:
    """Suspends once, with ``value``; returns what is sent."""
    return (yield value)


async def traced(*steps: object, result: object = None) -> object:
    for value in steps:
        await step(value)
    return result


class Awaitable:
    """Neither a coroutine nor a generator; with a name, so that it is measured."""

    __name__ = "awaitable"

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator
        self.asked = 0

    def __await__(self) -> Any:
        self.asked += 1
        return self.iterator


def returned(stepped: Any) -> object:
    """What a coroutine returns with its next step."""
    with pytest.raises(StopIteration) as raised:
        stepped.send(None)
    return raised.value.value


def test_it_passes_for_the_coroutine(instrumentor: AsyncioInstrumentor) -> None:
    inner: Any = traced("a")
    outer: Any = instrumentor.trace_coroutine(inner)
    assert outer is not inner
    assert inspect.iscoroutine(outer)
    assert inspect.isawaitable(outer)
    assert asyncio.iscoroutine(outer)
    assert isinstance(outer, collections.abc.Coroutine)
    assert isinstance(outer, types.CoroutineType)
    assert (outer.__name__, outer.__qualname__) == ("traced", "traced")
    assert (repr(outer), outer.cr_code) == (repr(inner), inner.cr_code)
    assert inspect.getcoroutinestate(outer) == inspect.CORO_CREATED
    outer.send(None)
    assert inspect.getcoroutinestate(outer) == inspect.CORO_SUSPENDED
    assert outer.cr_frame is inner.cr_frame
    assert outer.cr_await is inner.cr_await
    outer.close()
    assert inspect.getcoroutinestate(outer) == inspect.CORO_CLOSED
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        getattr(outer, "missing")  # noqa: B009


@pytest.mark.parametrize(
    "value", [None, 0, (), (1, 2), ValueError("a value"), StopIteration(3), (ValueError("in a tuple"),)], ids=repr
)
@pytest.mark.parametrize("drive", ["send", "next", "await", "task"])
def test_any_value_is_returned_as_it_is(value: object, drive: str, instrumentor: AsyncioInstrumentor) -> None:
    outer: Any = instrumentor.trace_coroutine(traced(result=value))

    async def awaiting() -> object:
        return await outer

    if drive == "send":
        assert returned(outer) is value
    elif drive == "next":
        with pytest.raises(StopIteration) as raised:
            next(outer)
        assert raised.value.value is value
    elif drive == "await":
        assert returned(awaiting()) is value
    else:

        async def main() -> object:
            return await asyncio.create_task(outer)

        assert asyncio.run(main()) is value


def test_values_go_in_and_out(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def echo() -> list[object]:
        return [await step("first"), await step("second")]

    outer: Any = instrumentor.trace_coroutine(echo())
    assert [outer.send(None), outer.send(1)] == ["first", "second"]
    assert created(telemetry) == {}
    with pytest.raises(StopIteration) as raised:
        outer.send(2)
    assert raised.value.value == [1, 2]
    assert created(telemetry) == {("coroutine", "echo", "finished"): 1}


def test_an_exception_is_the_same_object_with_the_same_frames(
    instrumentor: AsyncioInstrumentor, telemetry: Telemetry
) -> None:
    error = KeyError("key")

    async def failing() -> None:
        await step()
        raise error

    async def traced() -> None:
        await failing()

    outer: Any = instrumentor.trace_coroutine(traced())
    outer.send(None)
    with pytest.raises(KeyError) as raised:
        outer.send(None)
    assert raised.value is error
    assert [entry.name for entry in raised.traceback][1:] == ["traced", "failing"]
    assert created(telemetry) == {("coroutine", "traced", "exception"): 1}
    (event,) = telemetry.span().events
    stacktrace = str(dict(event.attributes or {})["exception.stacktrace"])
    assert "in failing" in stacktrace
    assert "KeyError: 'key'" in stacktrace


def test_throw_reaches_the_coroutine(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def stubborn() -> str:
        try:
            await step()
        except ValueError as error:
            await step(error)
        return "over"

    outer: Any = instrumentor.trace_coroutine(stubborn())
    outer.send(None)
    error = ValueError("thrown")
    assert outer.throw(error) is error
    assert created(telemetry) == {}
    assert returned(outer) == "over"
    assert created(telemetry) == {("coroutine", "stubborn", "finished"): 1}


def test_throw_may_end_the_coroutine(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def obedient() -> tuple[int, int]:
        try:
            await step()
        except ValueError:
            return 1, 2
        raise AssertionError

    outer: Any = instrumentor.trace_coroutine(obedient())
    outer.send(None)
    with pytest.raises(StopIteration) as raised:
        outer.throw(ValueError())
    assert raised.value.value == (1, 2)
    assert created(telemetry) == {("coroutine", "obedient", "finished"): 1}


def test_close_ends_it_once(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    closed = []

    async def traced() -> None:
        try:
            await step()
        finally:
            closed.append(len(telemetry.spans))

    outer: Any = instrumentor.trace_coroutine(traced())
    outer.send(None)
    outer.close()
    outer.close()
    # What it does when it is closed belongs to it.
    assert closed == [0]
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}
    assert telemetry.span().status.status_code.name == "UNSET"
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        outer.send(None)
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}


def test_close_raises_what_the_coroutine_raises(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def failing() -> None:
        try:
            await step()
        finally:
            raise OSError("while closing")

    async def deaf() -> None:
        try:
            await step()
        except GeneratorExit:
            await step()

    outer: Any = instrumentor.trace_coroutine(failing())
    outer.send(None)
    with pytest.raises(OSError, match="while closing"):
        outer.close()
    inner = deaf()
    outer = instrumentor.trace_coroutine(inner)
    outer.send(None)
    with pytest.raises(RuntimeError, match="coroutine ignored GeneratorExit"):
        outer.close()
    with pytest.raises(StopIteration):
        inner.send(None)
    assert created(telemetry) == {
        ("coroutine", "failing", "exception"): 1,
        ("coroutine", "deaf", "exception"): 1,
    }


def test_what_is_dropped_is_closed_and_measured(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    closed = []

    async def traced() -> None:
        try:
            await step()
        finally:
            closed.append(len(telemetry.spans))

    inner = traced()
    outer: Any = instrumentor.trace_coroutine(inner)
    outer.send(None)
    del outer
    assert closed == [0]
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}
    assert len(telemetry.spans) == 1


def test_a_drop_while_an_exception_is_handled_keeps_the_exception(
    instrumentor: AsyncioInstrumentor, telemetry: Telemetry
) -> None:
    def fail() -> None:
        outer: Any = instrumentor.trace_coroutine(traced("a"))
        outer.send(None)
        raise LookupError("on its way")

    with pytest.raises(LookupError, match="on its way") as raised:
        fail()
    del raised
    gc.collect()
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}


def test_what_a_dropped_coroutine_raises_is_reported_as_ever(
    instrumentor: AsyncioInstrumentor, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reports.append((report.exc_type, report.object)))

    async def failing() -> None:
        try:
            await step()
        finally:
            raise OSError("while closing")

    inner = failing()
    outer: Any = instrumentor.trace_coroutine(inner)
    outer.send(None)
    del outer
    assert reports == [(OSError, inner)]


def test_what_never_starts_is_not_measured(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    outer: Any = instrumentor.trace_coroutine(traced())
    outer.close()
    outer = instrumentor.trace_coroutine(traced())
    error = asyncio.CancelledError("before the first step")
    with pytest.raises(asyncio.CancelledError) as raised:
        outer.throw(error)
    assert raised.value is error
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        outer.send(None)
    with pytest.warns(RuntimeWarning, match="coroutine 'traced' was never awaited") as warned:
        instrumentor.trace_coroutine(traced())
    assert len(warned) == 1
    assert created(telemetry) == {}
    assert telemetry.spans == ()


def test_the_coroutine_itself_refuses_to_be_resumed_while_it_runs(
    instrumentor: AsyncioInstrumentor, telemetry: Telemetry
) -> None:
    async def inside() -> None:
        for method in (lambda: outer.send(None), lambda: outer.throw(ValueError()), outer.close):
            with pytest.raises(ValueError, match="coroutine already executing"):
                method()
        await step("still there")

    outer: Any = instrumentor.trace_coroutine(inside())
    assert outer.send(None) == "still there"
    assert created(telemetry) == {}
    assert returned(outer) is None
    assert created(telemetry) == {("coroutine", "inside", "finished"): 1}


def test_a_second_await_is_refused(instrumentor: AsyncioInstrumentor) -> None:
    outer: Any = instrumentor.trace_coroutine(traced("a"))

    async def awaiting() -> None:
        await outer

    first, second = awaiting(), awaiting()
    assert first.send(None) == "a"
    with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
        second.send(None)
    assert returned(first) is None


@pytest.mark.parametrize("kind", ["generator", "iterator", "future"])
def test_an_awaitable_is_measured_too(kind: str, instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    def generator() -> Generator[object, object, str]:
        yield "step"
        return "result"

    async def main() -> None:
        if kind == "future":
            future = asyncio.get_running_loop().create_future()
            awaitable = Awaitable(future.__await__())
            asyncio.get_running_loop().call_soon(future.set_result, "result")
            assert await instrumentor.trace_coroutine(awaitable) == "result"
            return
        awaitable = Awaitable(generator() if kind == "generator" else iter(["step"]))
        outer: Any = instrumentor.trace_coroutine(awaitable)
        assert awaitable.asked == 0
        assert outer.send(None) == "step"
        assert returned(outer) == ("result" if kind == "generator" else None)
        assert awaitable.asked == 1

    asyncio.run(main())
    assert created(telemetry) == {("coroutine", "awaitable", "finished"): 1}


def test_an_awaitable_that_cannot_be_thrown_at_raises_what_is_thrown(
    instrumentor: AsyncioInstrumentor, telemetry: Telemetry
) -> None:
    started: Any = instrumentor.trace_coroutine(Awaitable(iter(["step", "never"])))
    started.send(None)
    error = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError) as raised:
        started.throw(error)
    assert raised.value is error
    awaitable = Awaitable(iter(["never"]))
    created_only: Any = instrumentor.trace_coroutine(awaitable)
    with pytest.raises(KeyError):
        created_only.throw(KeyError)
    assert awaitable.asked == 0
    closed: Any = instrumentor.trace_coroutine(Awaitable(iter(["step", "never"])))
    closed.send(None)
    closed.close()
    assert created(telemetry) == {
        ("coroutine", "awaitable", "cancelled"): 1,
        ("coroutine", "awaitable", "finished"): 1,
    }


def test_an_awaitable_that_cannot_be_awaited(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    class Broken(Awaitable):
        def __await__(self) -> Any:
            raise OSError("not now")

    outer: Any = instrumentor.trace_coroutine(Broken(None))
    with pytest.raises(OSError, match="not now"):
        outer.send(None)
    assert created(telemetry) == {("coroutine", "awaitable", "exception"): 1}


def test_cycles_are_freed(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    class Holder:
        coroutine: Any = None

    async def traced(holder: Holder) -> None:
        await step(holder)

    def cycle(*, start: bool) -> tuple[Any, Any]:
        holder = Holder()
        holder.coroutine = instrumentor.trace_coroutine(traced(holder))
        if start:
            holder.coroutine.send(None)
        return weakref.ref(holder), weakref.ref(holder.coroutine)

    references = [*cycle(start=True), *cycle(start=False)]
    with pytest.warns(RuntimeWarning, match="traced' was never awaited"):
        gc.collect()
    assert [reference() for reference in references] == [None] * 4
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}


def test_the_same_coroutine_is_measured_once(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    inner = traced()
    outer = instrumentor.trace_coroutine(inner)
    assert instrumentor.trace_coroutine(outer) is outer
    again: Any = instrumentor.trace_coroutine(inner)
    assert returned(outer) is None
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        again.send(None)
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}


def test_what_has_no_name_stays_as_it_is(instrumentor: AsyncioInstrumentor) -> None:
    async def numbers() -> Any:
        yield 1

    nameless: Any = anext(numbers())
    traced: Any = instrumentor.trace_coroutine(nameless)
    assert traced is nameless
    nameless.close()


def test_an_uninstrumented_instrumentor_traces_nothing(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    running: Any = instrumentor.trace_coroutine(traced("a"))
    running.send(None)
    instrumentor.uninstrument()
    inner = traced()
    assert instrumentor.trace_coroutine(inner) is inner
    assert instrumentor.trace_item(inner) is inner
    assert instrumentor.trace_to_thread(test_cycles_are_freed) is test_cycles_are_freed
    inner.close()
    # What has started before is measured to its end.
    assert returned(running) is None
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}
