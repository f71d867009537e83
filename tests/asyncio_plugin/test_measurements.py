"""What is measured, under which names, and which of it has spans."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import sys
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from otel_rs_instr_asyncio import AsyncioInstrumentor, __version__

from asyncio_plugin.measured import created
from support.telemetry import Telemetry

SECONDS = 0.05


async def traced(error: BaseException | None = None) -> str:
    await asyncio.sleep(0)
    if error is not None:
        raise error
    return "result"


async def untraced() -> str:
    return await traced()


async def through_task_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(traced())


async def through_as_completed() -> None:
    for done in asyncio.as_completed([traced()]):
        await done


async def through_wait() -> None:
    await asyncio.wait([asyncio.ensure_future(traced())])


async def through_a_thread() -> None:
    loop = asyncio.get_running_loop()
    submit = functools.partial(asyncio.run_coroutine_threadsafe, traced(), loop)
    future = await loop.run_in_executor(None, contextvars.copy_context().run, submit)
    await asyncio.wrap_future(future)


WAYS: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
    "create_task": lambda: _awaited(asyncio.create_task),
    "ensure_future": lambda: _awaited(asyncio.ensure_future),
    "wait_for": lambda: _awaited(lambda coroutine: asyncio.wait_for(coroutine, 60)),
    "gather": lambda: _awaited(asyncio.gather),
    "wait": through_wait,
    "as_completed": through_as_completed,
    "run_coroutine_threadsafe": through_a_thread,
}
if sys.version_info >= (3, 11):
    WAYS["TaskGroup.create_task"] = through_task_group


async def _awaited(make: Callable[[Any], Any]) -> None:
    await make(traced())


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_measured_once(way: str, instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("outer") as outer:
        asyncio.run(WAYS[way]())
    assert created(telemetry) == {("coroutine", "traced", "finished"): 1}
    span = next(span for span in telemetry.spans if span.name == "asyncio coro-traced")
    assert span.kind is trace.SpanKind.INTERNAL
    assert span.parent is not None
    assert span.parent.span_id == outer.get_span_context().span_id
    assert span.attributes == {}
    assert span.status.status_code is StatusCode.UNSET
    scope = span.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("opentelemetry.instrumentation.asyncio", __version__)
    assert not scope.schema_url


def test_only_what_is_named_has_a_span(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> None:
        await asyncio.create_task(untraced())

    asyncio.run(main())
    assert created(telemetry) == {("coroutine", "untraced", "finished"): 1}
    assert telemetry.spans == ()


def test_the_span_is_not_current(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def traced() -> bool:
        await asyncio.sleep(0)
        return trace.get_current_span() is trace.INVALID_SPAN

    async def main() -> bool:
        return await asyncio.create_task(traced())

    assert asyncio.run(main())
    assert len(telemetry.spans) == 1


@pytest.mark.parametrize(
    ("error", "state", "status"),
    [
        (ValueError("message"), "exception", StatusCode.ERROR),
        (asyncio.TimeoutError("message"), "timeout", StatusCode.ERROR),
        (asyncio.CancelledError("message"), "cancelled", StatusCode.UNSET),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("kind", ["coroutine", "future", "to_thread"])
def test_states(
    kind: str,
    error: BaseException,
    state: str,
    status: StatusCode,
    instrumentor: AsyncioInstrumentor,
    telemetry: Telemetry,
) -> None:
    coroutine = traced

    def run_in_a_thread() -> None:
        raise error

    run_in_a_thread.__name__ = "traced"

    async def main() -> None:
        if kind == "coroutine":
            await asyncio.create_task(coroutine(error))
        elif kind == "to_thread":
            await asyncio.to_thread(run_in_a_thread)
        else:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if state == "cancelled":
                future.cancel()
            else:
                future.set_exception(error)
            await asyncio.ensure_future(future)

    with pytest.raises(type(error)):
        asyncio.run(main())
    expected = ("future", state) if kind == "future" else (kind, "traced", state)
    assert created(telemetry) == {expected: 1}
    span = telemetry.span()
    names = {
        "coroutine": "asyncio coro-traced",
        "future": "asyncio future",
        "to_thread": "asyncio to_thread-traced",
    }
    assert span.name == names[kind]
    assert (span.status.status_code, span.status.description) == (status, None)
    assert [event.name for event in span.events] == ["exception"] * (status is StatusCode.ERROR)


def test_exit_from_a_coroutine_is_no_error_and_from_a_thread_is_one(
    instrumentor: AsyncioInstrumentor, telemetry: Telemetry
) -> None:
    async def main() -> None:
        await asyncio.create_task(traced(SystemExit(3)))

    with pytest.raises(SystemExit):
        asyncio.run(main())
    assert created(telemetry)[("coroutine", "traced", "finished")] == 1
    exit_in_thread: Any = instrumentor.trace_to_thread(functools.partial(sys.exit, 3))
    with pytest.raises(SystemExit):
        exit_in_thread()
    assert created(telemetry)[("to_thread", "exit", "exception")] == 1


def test_functions_without_a_name(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    class Callable:
        def __call__(self, number: int) -> int:
            return number + 1

    async def main() -> list[int]:
        return [
            await asyncio.to_thread(Callable(), 1),
            await asyncio.to_thread(functools.partial(Callable(), 2)),
            await asyncio.to_thread(functools.partial(max, 3), 0),
        ]

    assert asyncio.run(main()) == [2, 3, 3]
    assert created(telemetry) == {("to_thread", None, "finished"): 2, ("to_thread", "max", "finished"): 1}


def test_a_thread_function_shows_what_it_wraps(instrumentor: AsyncioInstrumentor) -> None:
    wrapped: Any = instrumentor.trace_to_thread(traced)
    assert wrapped is not traced
    assert (wrapped.__name__, wrapped.__doc__, wrapped.__module__) == ("traced", traced.__doc__, __name__)
    assert wrapped.__wrapped__ is traced
    assert repr(wrapped) == repr(traced)


def test_the_duration_covers_the_run(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(SECONDS, future.set_result, None)
        await asyncio.gather(future, asyncio.sleep(SECONDS), asyncio.to_thread(time.sleep, SECONDS))

    asyncio.run(main())
    points = telemetry.points("asyncio.process.duration")
    assert {point.attributes["type"] for point in points} == {"coroutine", "future", "to_thread"}
    assert all(point.sum >= SECONDS * 0.9 for point in points)


def test_a_future_is_measured_once(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        for _ in range(3):
            assert asyncio.ensure_future(future) is future
            assert instrumentor.trace_item(future) is future
        future.set_result(1)
        await asyncio.gather(future, future)
        await asyncio.wait([future])

    asyncio.run(main())
    assert created(telemetry)[("future", "finished")] == 1


@pytest.mark.parametrize("function", ["wait", "wait_for", "gather"])
def test_a_future_that_is_waited_for_again_and_again_gathers_nothing(
    function: str, instrumentor: AsyncioInstrumentor, telemetry: Telemetry
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        closing = loop.create_future()
        for _ in range(20):
            soon = loop.create_future()
            loop.call_soon(soon.set_result, None)
            if function == "wait":
                await asyncio.wait({closing, soon}, return_when=asyncio.FIRST_COMPLETED)
            elif function == "wait_for":
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(closing)), 0)
            else:
                waiting = asyncio.gather(asyncio.shield(asyncio.ensure_future(closing)), soon)
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
        assert len(closing._callbacks or ()) == 1
        telemetry.clear()
        closing.set_result(None)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [span.name for span in telemetry.spans] == ["asyncio future"]


def test_tasks_are_left_alone(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> None:
        task = asyncio.get_running_loop().create_task(traced())
        assert instrumentor.trace_item(task) is task
        await asyncio.wait_for(asyncio.ensure_future(task), 60)
        await asyncio.gather(task)

    asyncio.run(main())
    assert created(telemetry) == {}


def test_a_provider_that_raises_does_not_reach_the_application(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(trace.TracerProvider):
        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            raise OSError("no tracer")

    async def main() -> tuple[Any, ...]:
        return await asyncio.create_task(traced()), await asyncio.to_thread(lambda: 1)

    instrumentor = AsyncioInstrumentor()
    instrumentor.instrument(tracer_provider=Broken(), meter_provider=object())
    try:
        assert asyncio.run(main()) == ("result", 1)
        assert asyncio.run(main()) == ("result", 1)
    finally:
        instrumentor.uninstrument()
    assert [record.name for record in caplog.records] == ["otel_rs_instr_asyncio"] * len(caplog.records)
    assert sum("no tracer" in record.getMessage() for record in caplog.records) <= 1


def test_nothing_is_kept(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    """What has run is freed at once, without the collector of garbage."""

    async def untraced() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        references: list[weakref.ref[Any]] = []
        for _ in range(100):
            coroutines = [untraced() for _ in range(10)]
            future = asyncio.get_running_loop().create_future()
            future.set_result(None)
            references += [weakref.ref(one) for one in (*coroutines, future)]
            await asyncio.gather(*coroutines, future, asyncio.wait_for(untraced(), 60))
            del coroutines, future
        await asyncio.sleep(0)
        assert [reference for reference in references if reference() is not None] == []

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
    assert created(telemetry)[("coroutine", "untraced", "finished")] == 1100
