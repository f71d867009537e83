"""Calls over bridges, with ``OTEL_RS_ASGIREF_CALLS_ENABLED``: their spans, and that nothing else changes."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import inspect
import logging
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asgiref.sync
import otel_rs_instr_asgiref
import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from otel_rs_instr_asgiref import AsgirefInstrumentor

from asgiref_plugin.conftest import Instrument
from support.telemetry import Telemetry

pytestmark = pytest.mark.parametrize("implementation", ["stock-sdk", "native"], indirect=True)

VARIABLE = "OTEL_RS_ASGIREF_CALLS_ENABLED"
var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="unset")


@pytest.fixture(autouse=True)
def outer(telemetry: Telemetry) -> Iterator[trace.SpanContext]:
    """The span that is current around a test: without one, calls are not measured."""
    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("outer") as span:
        yield span.get_span_context()


@pytest.fixture
def instrument_calls(
    instrument: Instrument, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instrument]:
    """Instruments calls too; the spans of making bridges are left out of the telemetry by whoever looks."""

    def instrument_calls() -> None:
        monkeypatch.setenv(VARIABLE, "true")
        instrument()

    yield instrument_calls
    assert otel_rs_instr_asgiref._native.panics() == 0


def calls(telemetry: Telemetry) -> list[ReadableSpan]:
    """The spans of calls, in the order of their ends."""
    return [span for span in telemetry.spans if not span.name.startswith("asgiref.sync.")]


def call(telemetry: Telemetry) -> ReadableSpan:
    """The only span of a call."""
    (span,) = calls(telemetry)
    return span


def assert_measured(span: ReadableSpan, *, ran: bool = True, thread_sensitive: bool | None = None) -> dict[str, Any]:
    """The span is one of a call with these attributes; returns its attributes."""
    attributes = dict(span.attributes or {})
    assert span.kind is SpanKind.INTERNAL
    expected = {"asgiref.wait.duration"}
    expected |= {"asgiref.run.duration"} if ran else set()
    expected |= set() if thread_sensitive is None else {"asgiref.thread_sensitive"}
    assert attributes.keys() == expected
    assert attributes.get("asgiref.thread_sensitive") is thread_sensitive
    durations: list[Any] = [value for key, value in attributes.items() if key.endswith(".duration")]
    assert all(isinstance(duration, float) and duration >= 0 for duration in durations)
    assert span.start_time is not None
    assert span.end_time is not None
    assert sum(durations) <= (span.end_time - span.start_time) / 1e9 + 0.001
    return attributes


def current() -> trace.SpanContext:
    return trace.get_current_span().get_span_context()


def plain(value: int = 1, *, extra: int = 0) -> tuple[int, trace.SpanContext]:
    return value + extra, current()


async def coroutine(value: int = 1, *, extra: int = 0) -> tuple[int, trace.SpanContext]:
    await asyncio.sleep(0)
    return value + extra, current()


@pytest.mark.parametrize("thread_sensitive", [True, False])
def test_sync_to_async(instrument_calls: Instrument, telemetry: Telemetry, thread_sensitive: bool) -> None:
    instrument_calls()
    bridge = sync_to_async(plain, thread_sensitive=thread_sensitive)

    async def main() -> tuple[int, trace.SpanContext]:
        before = current()
        result = await bridge(2, extra=3)
        assert current() == before
        return result

    value, inside = asyncio.run(main())
    span = call(telemetry)
    assert (value, inside) == (5, span.context)
    assert span.name == "sync_to_async plain"
    assert span.status.status_code is StatusCode.UNSET
    assert_measured(span, thread_sensitive=thread_sensitive)


@pytest.mark.parametrize("options", [{}, {"force_new_loop": True}])
def test_async_to_sync(instrument_calls: Instrument, telemetry: Telemetry, options: dict[str, bool]) -> None:
    instrument_calls()
    value, inside = async_to_sync(coroutine, **options)(2, extra=3)
    span = call(telemetry)
    assert (value, inside) == (5, span.context)
    assert span.name == "async_to_sync coroutine"
    assert_measured(span)


def test_the_wait_and_the_run(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    """The only thread is busy until it is told to go on; the function then takes as long as it says, and no less."""
    instrument_calls()
    go_on = threading.Event()

    async def main() -> None:
        with ThreadPoolExecutor(max_workers=1) as executor:
            executor.submit(go_on.wait)
            bridge = sync_to_async(lambda: time.sleep(0.05), thread_sensitive=False, executor=executor)
            task = asyncio.ensure_future(bridge())
            await asyncio.sleep(0.1)
            go_on.set()
            await task

    asyncio.run(main())
    attributes = assert_measured(call(telemetry), thread_sensitive=False)
    assert attributes["asgiref.wait.duration"] >= 0.09
    assert attributes["asgiref.run.duration"] >= 0.05


def test_bridges_made_before(
    instrument_calls: Instrument, instrumentor: AsgirefInstrumentor, telemetry: Telemetry
) -> None:
    bridges = sync_to_async(plain), async_to_sync(coroutine)
    classes = [dict(vars(asgiref.sync.SyncToAsync)), dict(vars(asgiref.sync.AsyncToSync))]
    instrument_calls()
    asyncio.run(bridges[0]())
    bridges[1]()
    assert [span.name for span in telemetry.spans] == ["sync_to_async plain", "async_to_sync coroutine"]
    instrumentor.uninstrument()
    assert classes == [dict(vars(asgiref.sync.SyncToAsync)), dict(vars(asgiref.sync.AsyncToSync))]
    asyncio.run(bridges[0]())
    assert len(telemetry.spans) == 2


def test_names(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    class Nameless:
        def __call__(self) -> None: ...

        async def method(self) -> None: ...

        @sync_to_async
        def decorated(self) -> None: ...

    nameless = Nameless()
    instrument_calls()
    asyncio.run(sync_to_async(nameless)())
    asyncio.run(sync_to_async(functools.partial(functools.partial(plain, 1), extra=2))())
    asyncio.run(sync_to_async(len)([]))
    asyncio.run(nameless.decorated())
    async_to_sync(nameless.method)()
    async_to_sync(sync_to_async(plain))()
    here = f"{test_names.__qualname__}.<locals>.Nameless"
    assert [span.name for span in calls(telemetry)] == [
        f"sync_to_async {here}",
        "sync_to_async plain",
        "sync_to_async len",
        f"sync_to_async {here}.decorated",
        f"async_to_sync {here}.method",
        "sync_to_async plain",
        "async_to_sync plain",
    ]


def test_nesting(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    """Synchronous, asynchronous, synchronous, asynchronous: each is the child of the one around it."""
    threads = []

    async def innermost() -> None:
        threads.append(threading.get_ident())

    def sync_inner() -> None:
        threads.append(threading.get_ident())
        async_to_sync(innermost)()

    async def outer() -> None:
        await sync_to_async(sync_inner)()
        assert trace.get_current_span().is_recording()

    instrument_calls()
    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("root") as root:
        async_to_sync(outer)()
        assert trace.get_current_span() is root
    spans = {span.name.rpartition(".")[2]: span for span in calls(telemetry)}
    assert [span.name.partition(" ")[0] for span in calls(telemetry)][:3] == [
        "async_to_sync",
        "sync_to_async",
        "async_to_sync",
    ]
    assert spans["innermost"].parent == spans["sync_inner"].context
    assert spans["sync_inner"].parent == spans["outer"].context
    assert spans["outer"].parent == spans["root"].context
    # Thread-sensitive code comes back to the thread that waits.
    assert threads[0] == threading.get_ident()


def test_outside_of_any_span(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    """Nothing is current on the other side either: a server's instrumentation may start the span of a request there."""
    instrument_calls()
    bridges = sync_to_async(plain), async_to_sync(coroutine)
    token = context.attach(context.Context())
    try:
        assert asyncio.run(bridges[0](1)) == bridges[1](1) == (1, trace.INVALID_SPAN_CONTEXT)
    finally:
        context.detach(token)
    assert calls(telemetry) == []


def test_concurrency(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    """Calls that overlap, from tasks with spans of their own: each inner span has its own call as its parent."""
    instrument_calls()
    tracer = telemetry.tracer_provider.get_tracer("app")
    count = 20

    def work(number: int) -> None:
        with tracer.start_as_current_span(f"inner {number}"):
            barrier.wait(30)

    async def task(number: int) -> None:
        with tracer.start_as_current_span(f"outer {number}") as outer:
            await asyncio.sleep(0)
            await sync_to_async(functools.partial(work, number), thread_sensitive=False, executor=executor)()
            assert trace.get_current_span() is outer

    async def main() -> None:
        await asyncio.gather(*(task(number) for number in range(count)))

    barrier = threading.Barrier(count)
    with ThreadPoolExecutor(max_workers=count) as executor:
        asyncio.run(main())
    spans = calls(telemetry)
    by_id = {span.context.span_id: span for span in spans if span.context}
    inner = [span for span in spans if span.name.startswith("inner")]
    assert len(inner) == count
    for span in inner:
        assert span.parent is not None
        called = by_id[span.parent.span_id]
        assert called.name.startswith("sync_to_async")
        assert called.parent is not None
        assert by_id[called.parent.span_id].name == span.name.replace("inner", "outer")


class Failed(Exception):
    """What the application raises."""


def test_exceptions(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    error = Failed("no")

    def fail() -> None:
        raise error

    async def async_fail() -> None:
        raise error

    def run_sync() -> None:
        asyncio.run(sync_to_async(fail)())

    instrument_calls()
    for run in (run_sync, async_to_sync(async_fail)):
        with pytest.raises(Failed) as raised:
            run()
        assert raised.value is error
    first, second = calls(telemetry)
    assert_measured(first, thread_sensitive=True)
    assert_measured(second)
    for span in (first, second):
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "Failed: no"
        (event,) = span.events
        assert "fail\n    raise error\n" in str((event.attributes or {})["exception.stacktrace"])


def test_what_is_no_error(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    class Leaving(BaseException):
        pass

    def leave() -> None:
        raise Leaving

    async def main() -> None:
        with pytest.raises(Leaving):
            await sync_to_async(leave, thread_sensitive=False)()

    instrument_calls()
    asyncio.run(main())
    span = call(telemetry)
    assert span.status.status_code is StatusCode.UNSET
    assert tuple(span.events) == ()
    assert_measured(span, thread_sensitive=False)


def test_a_call_that_is_cancelled_while_its_thread_works(
    instrument_calls: Instrument, telemetry: Telemetry, outer: trace.SpanContext
) -> None:
    """Asgiref gives the call up; the thread goes on and ends later, and nobody hears of it."""
    instrument_calls()
    working, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    inside: list[trace.SpanContext] = []

    def work() -> None:
        working.set()
        assert go_on.wait(30)
        inside.append(current())
        ended.set()

    async def main() -> None:
        task = asyncio.ensure_future(sync_to_async(work, thread_sensitive=False)())
        await asyncio.to_thread(working.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert_measured(call(telemetry), ran=False, thread_sensitive=False)
        assert current() == outer
        go_on.set()
        await asyncio.to_thread(ended.wait)

    asyncio.run(main())
    span = call(telemetry)
    assert inside == [span.context]
    assert span.status.status_code is StatusCode.UNSET
    assert_measured(span, ran=False, thread_sensitive=False)


def test_a_call_that_is_cancelled_while_it_waits(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    instrument_calls()
    go_on = threading.Event()

    async def main() -> None:
        with ThreadPoolExecutor(max_workers=1) as executor:
            executor.submit(go_on.wait)
            task = asyncio.ensure_future(sync_to_async(plain, thread_sensitive=False, executor=executor)())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()

    asyncio.run(main())
    assert_measured(call(telemetry), ran=False, thread_sensitive=False)


def test_cancellation_reaches_the_innermost_coroutine(instrument_calls: Instrument, telemetry: Telemetry) -> None:
    instrument_calls()
    seen = []
    waiting = threading.Event()

    async def inner() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main() -> None:
        task = asyncio.ensure_future(sync_to_async(async_to_sync(inner))())
        await asyncio.to_thread(waiting.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == ["cancelled"]
    assert len(calls(telemetry)) == 2


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
    assert messages in ([f"{VARIABLE} is 'yes': expected true or false; false is used"] * warnings, [])


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
