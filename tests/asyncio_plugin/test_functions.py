"""The functions in the place of asyncio's pass for them."""

from __future__ import annotations

import asyncio
import doctest
import functools
import gc
import inspect
import multiprocessing
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from support.functions import observe
from support.telemetry import Telemetry

NAMES = [
    "create_task",
    "ensure_future",
    "wait_for",
    "wait",
    "as_completed",
    "run_coroutine_threadsafe",
    "gather",
    "to_thread",
]
if sys.version_info >= (3, 11):
    NAMES.append("TaskGroup.create_task")

# Loads what was pickled in a process that nothing instruments.
READER = """
import asyncio, pickle, sys
print([function.__module__ + ":" + function.__qualname__ for function in pickle.load(sys.stdin.buffer)])
"""

# Pickles for a process that instruments.
WRITER = "import asyncio, pickle, sys; pickle.dump([asyncio.gather, asyncio.tasks.gather], sys.stdout.buffer)"


def resolve(name: str) -> Any:
    return functools.reduce(getattr, name.split("."), asyncio)


@pytest.mark.parametrize("name", NAMES)
def test_tools_see_what_they_see_without(
    name: str, environment: pytest.MonkeyPatch, telemetry: Telemetry, request: pytest.FixtureRequest
) -> None:
    original = resolve(name)
    without = observe(original, lambda: original)
    request.getfixturevalue("instrumentor")
    function = resolve(name)
    assert function is not original
    assert observe(function, lambda: resolve(name)) == without


def test_asyncios_own_names_pickle_as_ever(instrumentor: AsyncioInstrumentor) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(asyncio.tasks.gather, protocol)) is asyncio.tasks.gather
        assert pickle.loads(pickle.dumps(asyncio.gather, protocol)) is asyncio.gather


def test_pickles_go_to_and_come_from_a_process_without_it(instrumentor: AsyncioInstrumentor) -> None:
    functions = [resolve(name) for name in NAMES] + [asyncio.tasks.gather]
    reader = subprocess.run(
        [sys.executable, "-c", READER], input=pickle.dumps(functions), capture_output=True, check=True
    )
    assert eval(reader.stdout) == [f"{function.__module__}:{function.__qualname__}" for function in functions]
    writer = subprocess.run([sys.executable, "-c", WRITER], capture_output=True, check=True)
    assert pickle.loads(writer.stdout) == [asyncio.tasks.gather] * 2


def test_processes_are_given_them(instrumentor: AsyncioInstrumentor) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(getattr, (asyncio.gather, "__qualname__")) == "gather"
        assert pool.apply(asyncio.iscoroutinefunction, (asyncio.wait_for,)) is True


def test_a_function_that_is_held_pickles_afterwards(instrumentor: AsyncioInstrumentor) -> None:
    held = [resolve(name) for name in NAMES]
    instrumentor.uninstrument()
    again = pickle.loads(pickle.dumps(held))
    assert [function is resolve(name) for function, name in zip(again, NAMES, strict=True)] == [True] * len(NAMES)


def test_a_function_that_is_in_its_place_no_more_is_refused_as_ever(
    instrumentor: AsyncioInstrumentor, environment: pytest.MonkeyPatch
) -> None:
    held = asyncio.gather
    for module in (asyncio, asyncio.tasks):
        environment.setattr(module, "gather", lambda: None)
    with pytest.raises(pickle.PicklingError, match="not the same object as"):
        pickle.dumps(held)


def test_a_mocked_function_has_its_signature(instrumentor: AsyncioInstrumentor) -> None:
    ours = asyncio.create_task
    with mock.patch("asyncio.create_task", autospec=True) as mocked:
        assert isinstance(mocked, types.FunctionType)
        with pytest.raises(TypeError, match="missing a required argument: 'coro'"):
            asyncio.create_task()  # type: ignore[call-arg]  # noqa: RUF006
    assert asyncio.create_task is ours
    module: Any = mock.create_autospec(asyncio)
    module.create_task(1, name="named")
    assert module.create_task.call_args == mock.call(1, name="named")
    with pytest.raises(TypeError):
        module.gather(1, no_such_keyword=2)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio has no groups")
def test_a_mocked_method_is_given_the_receiver(instrumentor: AsyncioInstrumentor) -> None:
    group = asyncio.TaskGroup()
    with mock.patch.object(asyncio.TaskGroup, "create_task", autospec=True) as mocked:
        group.create_task(1)  # type: ignore[arg-type]
    assert mocked.call_args == mock.call(group, 1)
    spec: Any = mock.create_autospec(asyncio.TaskGroup)()
    spec.create_task(1)
    assert spec.create_task.call_args == mock.call(1)
    assert "create_task" in dict(inspect.getmembers(asyncio.TaskGroup, inspect.isfunction))


def test_an_attribute_is_the_functions(instrumentor: AsyncioInstrumentor, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(asyncio.gather, "mark", "set", raising=False)
    environment.setattr(asyncio.gather, "__doc__", "Replaced.")
    assert vars(asyncio.gather) == {"mark": "set"}
    instrumentor.uninstrument()
    assert (asyncio.gather.mark, asyncio.gather.__doc__) == ("set", "Replaced.")  # type: ignore[attr-defined]


def test_doctests_are_found(
    instrumentor: AsyncioInstrumentor, environment: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    environment.setattr(asyncio.gather, "__doc__", ">>> 1\n1\n")
    module = types.ModuleType("asyncio.tasks")
    vars(module).update(gather=asyncio.gather, __file__=asyncio.tasks.__file__)
    assert asyncio.gather.__globals__ is vars(asyncio.tasks)
    found = doctest.DocTestFinder().find(module, globs={}, extraglobs={}, module=asyncio.tasks)
    assert [test.name for test in found] == ["asyncio.tasks.gather"]
    assert found[0].lineno is not None


def test_it_wraps_what_is_no_function(environment: pytest.MonkeyPatch, telemetry: Telemetry) -> None:
    """A function in C and an object, which do not bind to instances as functions do."""

    class Callable:
        def __call__(self, *args: Any) -> Any:
            return original(*args)

    original = asyncio.gather
    for replacement in (Callable(), max):
        environment.setattr(asyncio, "gather", replacement)
        instrumentor = AsyncioInstrumentor()
        instrumentor.instrument(**telemetry.providers)
        try:
            assert asyncio.gather is not replacement
            assert (asyncio.gather == replacement, repr(asyncio.gather)) == (True, repr(replacement))
            assert inspect.isfunction(asyncio.gather) is False
            assert inspect.isbuiltin(asyncio.gather) == inspect.isbuiltin(replacement)
            assert isinstance(asyncio.gather, type(replacement))
            holder: Any = type("Holder", (), {"held": asyncio.gather})
            assert holder().held is asyncio.gather
            if replacement is max:
                assert holder().held(1, 2) == 2
        finally:
            instrumentor.uninstrument()
        assert asyncio.gather is replacement
    assert created(telemetry) == {}


def test_it_can_be_collected(environment: pytest.MonkeyPatch, telemetry: Telemetry) -> None:
    dropped: list[str] = []

    class Held:
        def __del__(self) -> None:
            dropped.append("dropped")

    def make() -> Callable[..., Any]:
        async def gather(*, held: Any = Held()) -> None: ...  # noqa: B008

        return gather

    with environment.context() as patch:
        patch.setattr(asyncio, "gather", make())
        instrumentor = AsyncioInstrumentor()
        instrumentor.instrument(**telemetry.providers)
        asyncio.gather.itself = asyncio.gather  # type: ignore[attr-defined]
        instrumentor.uninstrument()
    gc.collect()
    assert dropped == ["dropped"]
