"""Asynchronous generators that hold a span open, and are closed by another task than the one that began them."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from opentelemetry import trace
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from support.telemetry import Telemetry

Generator = AsyncGenerator[int, None]


async def traced(awaitable: Awaitable[Any]) -> Any:
    """A coroutine that has a span."""
    return await awaitable


async def by_a_task(generator: Generator) -> None:
    await asyncio.create_task(traced(generator.aclose()))


async def by_gather(generator: Generator) -> None:
    await asyncio.gather(traced(generator.aclose()))


async def by_an_exception(generator: Generator) -> None:
    with pytest.raises(KeyError):
        await asyncio.wait_for(traced(asyncio.ensure_future(generator.athrow(KeyError()))), 60)


async def in_another_context(generator: Generator) -> None:
    create_task = contextvars.Context().run
    await create_task(lambda: asyncio.create_task(traced(generator.aclose())))


async def in_as_completed(generator: Generator) -> None:
    for one in asyncio.as_completed({traced(generator.aclose())}):
        await one


@pytest.mark.parametrize("close", [by_a_task, by_gather, by_an_exception, in_another_context, in_as_completed])
@pytest.mark.parametrize("begin", ["here", "in a task"])
def test_closed_by_another_task(
    begin: str,
    close: Callable[[Generator], Awaitable[None]],
    instrumentor: AsyncioInstrumentor,
    telemetry: Telemetry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if not telemetry.native:
        pytest.skip("the stock SDK logs a traceback, with any instrumentation")
    tracer = telemetry.tracer_provider.get_tracer("application")

    async def numbers() -> Generator:
        with tracer.start_as_current_span("held open"):
            yield 1
            yield 2

    async def main() -> None:
        with tracer.start_as_current_span("outer") as outer:
            generator = numbers()
            await (anext(generator) if begin == "here" else asyncio.create_task(traced(anext(generator))))
            await close(generator)
            assert trace.get_current_span() is outer
            with tracer.start_as_current_span("after"):
                pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert caplog.messages == []
    assert created(telemetry)["coroutine", "traced", "exception" if close is by_an_exception else "finished"] > 0
    spans = {span.name: span for span in telemetry.spans}
    for name in ("after", "held open"):
        parent: Any = spans[name].parent
        assert parent.span_id == spans["outer"].context.span_id


def test_closed_by_the_event_loop(
    instrumentor: AsyncioInstrumentor, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """One that nobody holds any more is closed in a task of its own."""
    if not telemetry.native:
        pytest.skip("the stock SDK logs a traceback, with any instrumentation")
    tracer = telemetry.tracer_provider.get_tracer("application")

    async def numbers() -> Generator:
        with tracer.start_as_current_span("held open"):
            yield 1

    async def main() -> None:
        with tracer.start_as_current_span("outer") as outer:
            generator = numbers()
            await asyncio.wait_for(anext(generator), 60)
            del generator
            gc.collect()
            await asyncio.gather(asyncio.create_task(asyncio.sleep(0)), asyncio.sleep(0))
            assert trace.get_current_span() is outer

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert caplog.messages == []
    assert [span.name for span in telemetry.spans] == ["held open", "outer"]
