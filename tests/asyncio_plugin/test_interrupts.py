"""What is no ``Exception`` and arises in code of the user's that we call reaches the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from otel_rs_instr_asyncio import AsyncioInstrumentor

from support.interrupts import Interrupt, Odd, OddMeterProvider, OddProvider, assert_over, interrupt

Instrument = Callable[..., None]


@pytest.fixture
def instrument(environment: pytest.MonkeyPatch) -> Iterator[Instrument]:
    instrumentor = AsyncioInstrumentor()
    yield instrumentor.instrument
    instrumentor.uninstrument()


async def traced() -> str:
    return "result"


async def as_task() -> Any:
    return await asyncio.create_task(traced())


async def gathered() -> Any:
    return await asyncio.gather(traced())


async def in_thread() -> Any:
    def traced() -> None:
        pass

    return await asyncio.to_thread(traced)


async def as_future() -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result("result")
    return await asyncio.ensure_future(future)


CALLS: list[Callable[[], Coroutine[Any, Any, Any]]] = [as_task, gathered, in_thread, as_future]
OPTIONS: dict[str, dict[str, Any]] = {
    "a provider": {"tracer_provider": OddProvider("get_tracer")},
    "a tracer": {"tracer_provider": OddProvider("start_span")},
    "the end": {"tracer_provider": OddProvider("end")},
    "a counter": {"meter_provider": OddMeterProvider("count")},
    "a duration": {"meter_provider": OddMeterProvider("measure")},
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_providers(options: dict[str, Any], call: Callable[[], Any], instrument: Instrument) -> None:
    options = {"tracer_provider": OddProvider(), **options}
    instrument(**options)

    async def main() -> Any:
        failed: list[BaseException] = []
        loop = asyncio.get_running_loop()
        # What a callback of a future raises goes to the handler of the loop, as every exception of a callback.
        loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
        try:
            result = await call()
            await asyncio.sleep(0)
        except Interrupt:
            return True
        return bool(failed) or result

    try:
        outcome = asyncio.run(main())
    except Interrupt:
        outcome = True
    assert outcome is True
    assert_over(options["tracer_provider"])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_given(instrument: Instrument) -> None:
    provider = OddProvider()
    instrument(tracer_provider=provider)

    class Named(Coroutine[Any, Any, None]):
        __name__ = Odd()
        send = throw = close = __await__ = interrupt

    async def main() -> None:
        await asyncio.ensure_future(Named())

    with pytest.raises(Interrupt):
        asyncio.run(main())
    assert_over(provider)
