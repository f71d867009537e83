"""What is no ``Exception`` and arises in code of the user's that we call reaches the application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, async_to_sync, sync_to_async
from opentelemetry import trace
from otel_rs_instr_asgiref import AsgirefInstrumentor

from asgiref_plugin.calls import VARIABLE
from support.interrupts import Interrupt, OddHandler, OddProvider, assert_over, interrupt

Instrument = Callable[[OddProvider], None]


@pytest.fixture
def instrument(monkeypatch: pytest.MonkeyPatch) -> Iterator[Instrument]:
    """Instruments bridges and calls."""
    monkeypatch.setenv(VARIABLE, "true")
    instrumentor = AsgirefInstrumentor()
    yield lambda provider: instrumentor.instrument(tracer_provider=provider)
    instrumentor.uninstrument()


def function() -> str:
    return "result"


async def async_function() -> str:
    return "result"


def over_to_thread() -> Any:
    return asyncio.run(BRIDGE())


def over_to_loop() -> Any:
    return CALLABLE()


def making_a_bridge() -> Any:
    return sync_to_async(function)


# Made before the instrumentation, so that a call has no span of its making.
BRIDGE: Any = SyncToAsync(function, thread_sensitive=False)
CALLABLE: Any = async_to_sync(async_function)


@pytest.mark.parametrize("call", [over_to_thread, over_to_loop, making_a_bridge])
@pytest.mark.parametrize("raising", ["start_span", "set_attributes", "add_event", "end"])
def test_providers(raising: str, call: Callable[[], Any], instrument: Instrument) -> None:
    if (raising == "add_event") != (call is making_a_bridge) and raising in ("add_event", "set_attributes"):
        pytest.skip("is not called there")
    provider = OddProvider()
    instrument(provider)
    with trace.use_span(provider.get_tracer("test").start_span("outer"), end_on_exit=True):
        provider.raising = raising
        with pytest.raises(Interrupt):
            call()
        provider.raising = None
    assert sorted(map(id, provider.ended)) == sorted(map(id, provider.started))
    provider.ended = provider.started
    assert_over(provider)


@pytest.mark.parametrize("attribute", ["func", "_thread_sensitive"])
def test_bridges(attribute: str, instrument: Instrument) -> None:
    class Bridge(SyncToAsync[[], str]):
        def __getattribute__(self, name: str) -> Any:
            return interrupt() if name == attribute else super().__getattribute__(name)

    instrument(OddProvider())
    with pytest.raises(Interrupt):
        _ = Bridge(function)()


def test_log_handlers_and_texts(instrument: Instrument, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is logged once, so each way has a name of its own."""

    class Textless(ValueError):
        __str__ = interrupt

    def handled() -> None:
        pass

    def textless() -> None:
        pass

    provider = OddProvider()
    instrument(provider)
    with trace.use_span(provider.get_tracer("test").start_span("outer"), end_on_exit=True):
        provider.raising, provider.exception = "start_span", Textless()
        with pytest.raises(Interrupt):
            asyncio.run(SyncToAsync(textless, thread_sensitive=False)())
        provider.exception = ValueError()
        monkeypatch.setattr(logging.getLogger("otel_rs_instr_asgiref"), "handlers", [OddHandler()])
        with pytest.raises(Interrupt):
            asyncio.run(SyncToAsync(handled, thread_sensitive=False)())
    assert_over(provider)
