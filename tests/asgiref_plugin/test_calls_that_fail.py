"""Calls over bridges that raise or are cancelled."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from asgiref_plugin.calls import Failed, assert_measured, call, calls, current, plain
from asgiref_plugin.conftest import Instrument
from support.telemetry import Telemetry

pytestmark = [
    pytest.mark.parametrize("implementation", ["stock-sdk", "native"], indirect=True),
    pytest.mark.usefixtures("outer"),
]


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
