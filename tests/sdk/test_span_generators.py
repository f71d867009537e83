"""Spans of generators: as decorators, and held open inside of generators that others close."""

import asyncio
import contextvars
import gc
import inspect
import logging
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.trace import StatusCode
from otel_rs_sdk import Tracer

from sdk.recording import Recorder


def current() -> str:
    """The name of the current span."""
    return str(getattr(trace.get_current_span(), "name", "none"))


def names(recorder: Recorder) -> list[str]:
    """Of the spans that have ended, in the order of their ends."""
    return [span.name for span in recorder.ended]


def parent_of(recorder: Recorder, name: str) -> str:
    [span] = [span for span in recorder.ended if span.name == name]
    ids = {other.context.span_id: other.name for other, _ in recorder.started}
    return ids[span.parent.span_id] if span.parent else "none"


def sync_items(tracer: Tracer, log: list[str]) -> Any:
    @tracer.start_as_current_span("items")
    def items(first: int, *, last: int) -> Iterator[int]:
        """Numbers."""
        for number in range(first, last):
            log.append(current())
            with tracer.start_as_current_span(f"item {number}"):
                yield number

    return items


def async_items(tracer: Tracer, log: list[str]) -> Any:
    @tracer.start_as_current_span("items")
    async def items(first: int, *, last: int) -> AsyncIterator[int]:
        """Numbers."""
        for number in range(first, last):
            await asyncio.sleep(0)
            log.append(current())
            with tracer.start_as_current_span(f"item {number}"):
                yield number

    return items


def consume(make: Callable[[Any, list[str]], Any], tracer: Tracer, inside: list[str], between: list[str]) -> None:
    """Takes all items inside of a span of the consumer's own, each in one more."""
    items = make(tracer, inside)
    with tracer.start_as_current_span("consumer"):
        if inspect.isasyncgenfunction(items):

            async def run() -> None:
                async for number in items(0, last=2):
                    between.append(current())
                    with tracer.start_as_current_span(f"use {number}"):
                        pass
                between.append(current())

            asyncio.run(run())
        else:
            for number in items(0, last=2):
                between.append(current())
                with tracer.start_as_current_span(f"use {number}"):
                    pass
            between.append(current())


both = pytest.mark.parametrize("make", [sync_items, async_items])


@both
def test_a_decorated_generator_lasts_as_long_as_its_iteration(make: Any, tracer: Tracer, recorder: Recorder) -> None:
    inside: list[str] = []
    between: list[str] = []
    consume(make, tracer, inside, between)
    assert inside == ["items", "items"]
    assert between == ["consumer"] * 3
    assert names(recorder) == ["use 0", "item 0", "use 1", "item 1", "items", "consumer"]
    parents = {name: parent_of(recorder, name) for name in names(recorder)}
    assert parents == {
        "use 0": "consumer",
        "item 0": "items",
        "use 1": "consumer",
        "item 1": "items",
        "items": "consumer",
        "consumer": "none",
    }


@both
def test_a_decorated_generator_passes_for_the_function(make: Any, tracer: Tracer, recorder: Recorder) -> None:
    items = make(tracer, [])
    assert (items.__name__, items.__doc__) == ("items", "Numbers.")
    assert list(inspect.signature(items).parameters) == ["first", "last"]
    assert inspect.isgeneratorfunction(items) != inspect.isasyncgenfunction(items)
    unused = items(0, last=1)
    assert recorder.started == []
    assert hasattr(unused, "athrow") or hasattr(unused, "throw")


def test_send_throw_close_and_return_reach_the_generator(tracer: Tracer, recorder: Recorder) -> None:
    @tracer.start_as_current_span("talk")
    def talk() -> Generator[Any, Any, str]:
        heard = yield "first"
        try:
            yield heard
        except KeyError:
            yield "caught"
        return "result"

    generator = talk()
    assert next(generator) == "first"
    assert generator.send("heard") == "heard"
    assert generator.throw(KeyError("k")) == "caught"
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "result"
    closed = talk()
    next(closed)
    closed.close()
    assert [span.status.status_code for span in recorder.ended] == [StatusCode.UNSET] * 2
    assert all(not span.events for span in recorder.ended)


def test_asend_athrow_and_aclose_reach_the_generator(tracer: Tracer, recorder: Recorder) -> None:
    seen: list[str] = []

    @tracer.start_as_current_span("talk")
    async def talk() -> Any:
        try:
            heard = yield "first"
            try:
                yield heard
            except KeyError:
                yield "caught"
        finally:
            await asyncio.sleep(0)
            seen.append(current())

    async def main() -> None:
        generator = talk()
        assert await generator.asend(None) == "first"
        assert await generator.asend("heard") == "heard"
        assert await generator.athrow(KeyError("k")) == "caught"
        await generator.aclose()
        assert await anext(generator, "over") == "over"

    asyncio.run(main())
    assert seen == ["talk"]
    assert [(span.name, span.status.status_code) for span in recorder.ended] == [("talk", StatusCode.UNSET)]


@pytest.mark.parametrize("kind", ["generator", "async"])
def test_what_a_decorated_generator_raises(kind: str, tracer: Tracer, recorder: Recorder) -> None:
    @tracer.start_as_current_span("broken")
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    @tracer.start_as_current_span("broken")
    async def async_broken() -> AsyncIterator[int]:
        yield 1
        raise ValueError("no")

    async def run() -> None:
        async for _ in async_broken():
            pass

    def consume_all() -> None:
        if kind == "generator":
            list(broken())
        else:
            asyncio.run(run())

    with pytest.raises(ValueError, match="no"):
        consume_all()
    [span] = recorder.ended
    assert (span.status.status_code, [event.name for event in span.events]) == (StatusCode.ERROR, ["exception"])


def test_baggage_of_a_decorated_generator_stays_with_it(tracer: Tracer) -> None:
    @tracer.start_as_current_span("items")
    def items() -> Iterator[object]:
        context.attach(baggage.set_baggage("k", "v"))
        yield None
        yield baggage.get_baggage("k")

    generator = items()
    next(generator)
    assert baggage.get_baggage("k") is None
    assert next(generator) == "v"


async def stream(tracer: Tracer) -> AsyncIterator[int]:
    """Holds a span open across its yields."""
    with tracer.start_as_current_span("stream"):
        yield 1
        yield 2


def chunks(tracer: Tracer) -> Iterator[int]:
    """The same, not asynchronous."""
    with tracer.start_as_current_span("stream"):
        yield 1
        yield 2


async def closed_by_a_task(tracer: Tracer) -> None:
    generator: Any = stream(tracer)
    await anext(generator)

    async def close() -> str:
        await generator.aclose()
        return current()

    assert await asyncio.create_task(close()) == "request"


async def closed_by_an_older_task(tracer: Tracer) -> None:
    generator: Any = stream(tracer)
    begun = asyncio.Event()

    async def close() -> str:
        await begun.wait()
        await generator.aclose()
        return current()

    task = asyncio.create_task(close())
    await asyncio.sleep(0)
    await anext(generator)
    begun.set()
    assert await task == "request"


async def closed_by_the_collector(tracer: Tracer) -> None:
    generator: Any = stream(tracer)
    await anext(generator)
    del generator
    gc.collect()
    await asyncio.sleep(0.01)


async def closed_in_another_context(tracer: Tracer) -> None:
    generator: Any = chunks(tracer)
    contextvars.copy_context().run(next, generator)
    contextvars.copy_context().run(generator.close)


async def begun_by_a_task_closed_here(tracer: Tracer) -> None:
    generator: Any = chunks(tracer)
    await asyncio.create_task(_next_of(generator))
    generator.close()


async def _next_of(generator: Iterator[int]) -> int:
    return next(generator)


async def closed_by_a_thread(tracer: Tracer) -> None:
    generator: Any = chunks(tracer)
    contextvars.copy_context().run(next, generator)
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "program",
    [
        closed_by_a_task,
        closed_by_an_older_task,
        closed_by_the_collector,
        closed_in_another_context,
        begun_by_a_task_closed_here,
        closed_by_a_thread,
    ],
)
def test_a_generator_that_is_closed_elsewhere(
    program: Any, tracer: Tracer, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        with tracer.start_as_current_span("request"):
            await program(tracer)
            assert current() == "request"
            with tracer.start_as_current_span("after"):
                pass

    asyncio.run(main())
    assert [line for line in caplog.records if line.levelno >= logging.WARNING] == []
    assert sorted(names(recorder)) == ["after", "request", "stream"]
    assert parent_of(recorder, "after") == "request"
    assert current() == "none"


def test_a_block_that_is_left_twice(tracer: Tracer, caplog: pytest.LogCaptureFixture) -> None:
    block = tracer.start_as_current_span("span")
    block.__enter__()
    block.__exit__(None, None, None)
    block.__exit__(None, None, None)
    assert current() == "none"
    assert [line.getMessage() for line in caplog.records] == ["otel-rs: Calling end() on an ended span."]
