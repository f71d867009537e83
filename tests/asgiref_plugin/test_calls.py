"""Calls over bridges, with ``OTEL_RS_ASGIREF_CALLS_ENABLED``: their spans."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import asgiref.sync
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from opentelemetry import context, trace
from opentelemetry.trace import StatusCode
from otel_rs_instr_asgiref import AsgirefInstrumentor

from asgiref_plugin.calls import assert_measured, call, calls, coroutine, current, plain
from asgiref_plugin.conftest import Instrument
from support.telemetry import Telemetry

pytestmark = [
    pytest.mark.parametrize("implementation", ["stock-sdk", "native"], indirect=True),
    pytest.mark.usefixtures("outer"),
]


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
