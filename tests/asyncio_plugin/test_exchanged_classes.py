"""Others exchange classes of asyncio while the application runs, as debuggers and nest_asyncio do."""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from support.telemetry import Telemetry

# The classes in Python behind those in C.
TASKS: Any = asyncio.tasks
FUTURES: Any = asyncio.futures


async def job() -> int:
    await asyncio.sleep(0)
    return 1


@pytest.fixture
def _in_python(instrumentor: AsyncioInstrumentor, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nest_asyncio and PyCharm's debugger do it, after asyncio has been used with the plugin."""

    async def main() -> None:
        await asyncio.gather(asyncio.create_task(job()), job())

    asyncio.run(main())
    for module in (asyncio, asyncio.tasks):
        monkeypatch.setattr(module, "Task", TASKS._PyTask)
    for module in (asyncio, asyncio.futures):
        monkeypatch.setattr(module, "Future", FUTURES._PyFuture)
    monkeypatch.setattr(asyncio.tasks, "_CTask", TASKS._PyTask)
    monkeypatch.setattr(asyncio.futures, "_CFuture", FUTURES._PyFuture)
    for name in ("_register_task", "_unregister_task", "_enter_task", "_leave_task"):
        monkeypatch.setattr(asyncio.tasks, name, getattr(asyncio.tasks, f"_py{name}"))
    python_current_task: Any = getattr(asyncio.tasks, "_py_current_task", None)
    if python_current_task is not None:
        monkeypatch.setattr(asyncio.tasks, "current_task", python_current_task)
        monkeypatch.setattr(asyncio, "current_task", python_current_task)


class CustomTask(asyncio.Task):  # type: ignore[type-arg]
    """A task of another class."""


@pytest.fixture
def _another_class(instrumentor: AsyncioInstrumentor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "Task", CustomTask)


@pytest.fixture
def _no_class(instrumentor: AsyncioInstrumentor, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A function makes the tasks."""
    task = asyncio.Task
    monkeypatch.setattr(asyncio, "Task", lambda *args, **kwargs: task(*args, **kwargs))
    yield
    assert sys.modules["asyncio"].Task is not task


@pytest.mark.parametrize("exchanged", ["_in_python", "_another_class", "_no_class"])
def test_tasks_are_tasks(
    exchanged: str, instrumentor: AsyncioInstrumentor, telemetry: Telemetry, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(exchanged)
    before = created(telemetry).get(("coroutine", "job", "finished"), 0)

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(job()), loop.create_task(job()), asyncio.ensure_future(job())]
        original = request.module.CustomTask.__mro__[1](job(), loop=loop)
        tasks.append(original)
        assert instrumentor.trace_item(original) is original
        future = loop.create_future()
        loop.call_soon(future.set_result, 1)
        await asyncio.wait(tasks, timeout=60)
        return await asyncio.gather(*tasks, future, asyncio.wait_for(tasks[0], 60), asyncio.ensure_future(tasks[1]))

    assert asyncio.run(main()) == [1] * 7
    counted = created(telemetry)
    # `wait_for` is a coroutine too; two of the tasks nobody has given to a function of asyncio.
    assert counted.pop(("coroutine", "wait_for", "finished")) == 1
    assert counted == {("coroutine", "job", "finished"): before + 2, ("future", "finished"): 1}


def test_tasks_of_a_factory(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    """A factory may make what is no subclass of the class that asyncio has now."""

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        return TASKS._PyTask(coroutine, loop=loop, **options)

    async def main() -> Any:
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(job())
        assert not isinstance(task, asyncio.Task)
        return await asyncio.gather(task, asyncio.ensure_future(task))

    assert asyncio.run(main()) == [1, 1]
    assert created(telemetry) == {("coroutine", "job", "finished"): 1}
