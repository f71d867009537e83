"""``instrument()``, ``uninstrument()``, and the stock package beside ours."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import subprocess
import sys
import types
from typing import Any

import pytest
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor as StockInstrumentor
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from support.telemetry import Telemetry

FUNCTIONS = (
    "create_task",
    "ensure_future",
    "wait_for",
    "wait",
    "as_completed",
    "run_coroutine_threadsafe",
    "gather",
    "to_thread",
)


async def work() -> None:
    await asyncio.sleep(0)


async def main() -> None:
    await asyncio.create_task(work())


def test_uninstrument_restores_exactly_what_was_there(environment: pytest.MonkeyPatch, telemetry: Telemetry) -> None:
    def held() -> dict[str, Any]:
        held = {name: getattr(asyncio, name) for name in FUNCTIONS}
        if sys.version_info >= (3, 11):
            held["TaskGroup.create_task"] = vars(asyncio.TaskGroup)["create_task"]
        return held

    def replaced() -> list[str]:
        return [name for name, function in held().items() if function is not before[name]]

    before = held()
    instrumentor = AsyncioInstrumentor()
    for _ in range(2):
        instrumentor.instrument(**telemetry.providers)
        assert replaced() == list(before)
        asyncio.run(main())
        instrumentor.uninstrument()
        assert replaced() == []
    asyncio.run(main())
    assert sum(created(telemetry).values()) == 2


def test_the_functions_show_what_they_wrap(instrumentor: AsyncioInstrumentor) -> None:
    for name in FUNCTIONS:
        function = getattr(asyncio, name)
        assert (function.__name__, function.__module__) == (
            name,
            "asyncio.threads" if name == "to_thread" else "asyncio.tasks",
        )
        assert inspect.signature(function) == inspect.signature(function.__wrapped__)


def test_asyncio_itself_keeps_its_functions_and_other_modules_get_ours(
    environment: pytest.MonkeyPatch, telemetry: Telemetry
) -> None:
    early: Any = types.ModuleType("early")
    early.create_task = asyncio.create_task
    environment.setitem(sys.modules, "early", early)
    before = {name: getattr(asyncio.tasks, name) for name in FUNCTIONS if name != "to_thread"}
    instrumentor = AsyncioInstrumentor()
    instrumentor.instrument(**telemetry.providers)
    try:
        assert [name for name in before if getattr(asyncio.tasks, name) is not before[name]] == []
        assert early.create_task is asyncio.create_task
        assert asyncio.create_task is not before["create_task"]
    finally:
        instrumentor.uninstrument()
    assert early.create_task is before["create_task"]


@pytest.mark.parametrize("first", ["stock", "ours"])
def test_one_of_two_instruments(
    first: str, environment: pytest.MonkeyPatch, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    instrumentors: list[Any] = [StockInstrumentor(), AsyncioInstrumentor()]
    for instrumentor in instrumentors if first == "stock" else reversed(instrumentors):
        instrumentor.instrument(**telemetry.providers)
    try:
        asyncio.run(main())
    finally:
        AsyncioInstrumentor().uninstrument()
    assert created(telemetry) == {("coroutine", "work", "finished"): 1}
    assert not StockInstrumentor().is_instrumented_by_opentelemetry
    asyncio.run(main())
    assert created(telemetry) == {("coroutine", "work", "finished"): 1}


def test_the_stock_package_works_again_afterwards(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    instrumentor.uninstrument()
    stock = StockInstrumentor()
    stock.instrument(**telemetry.providers)
    try:
        asyncio.run(main())
    finally:
        stock.uninstrument()
    assert sum(created(telemetry).values()) == 1


def test_variables_are_read_at_instrument(environment: pytest.MonkeyPatch, telemetry: Telemetry) -> None:
    instrumentor = AsyncioInstrumentor()
    for names, spans in ((" other , work ", 1), ("other", 0)):
        environment.setenv("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE", names)
        instrumentor.instrument(**telemetry.providers)
        environment.delenv("OTEL_PYTHON_ASYNCIO_COROUTINE_NAMES_TO_TRACE")
        asyncio.run(main())
        instrumentor.uninstrument()
        assert len(telemetry.spans) == spans
        telemetry.clear()


def test_it_instruments_no_distribution() -> None:
    assert list(AsyncioInstrumentor().instrumentation_dependencies()) == []


@pytest.mark.parametrize(("value", "warnings"), [("yes", 1), (" True", 0), ("", 0)])
def test_a_switch_that_is_neither_true_nor_false(value: str, warnings: int) -> None:
    """In a process of its own: it is said once."""
    program = (
        "from otel_rs_instr_asyncio import AsyncioInstrumentor\n"
        "instrumentor = AsyncioInstrumentor()\n"
        "instrumentor.instrument()\ninstrumentor.uninstrument()\ninstrumentor.instrument()\n"
    )
    variable = "OTEL_PYTHON_ASYNCIO_FUTURE_TRACE_ENABLED"
    result = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, variable: value}, capture_output=True, text=True, check=True
    )
    lines = result.stderr.splitlines()
    assert [line.startswith(f"otel-rs: {variable} is 'yes'") for line in lines] == [True] * warnings
