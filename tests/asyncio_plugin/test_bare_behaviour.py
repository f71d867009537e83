"""What asyncio does for the application it does with the plugin too: results, refusals, warnings, log lines."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import types
from collections.abc import Callable, Generator
from typing import Any

import pytest
import uvloop
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor as StockInstrumentor
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.bare import Scenario, observe

SCENARIOS: list[Scenario] = []

# What the stock package does instead.
STOCK_DIFFERS = {
    "the_same_coroutine_twice_in_one_gather": "RuntimeError: coroutine is being awaited already",
    "cancellation_keeps_its_message": "a warning for each coroutine that is cancelled before its first step",
    "a_future_whose_exception_nobody_retrieves": "asyncio does not log the exception any more",
    "tasks_show_their_coroutine": "every task shows the instrumentation's coroutine",
}
if sys.version_info >= (3, 11):
    STOCK_DIFFERS["a_group_refuses_what_is_no_coroutine"] = "the group accepts any awaitable"
    STOCK_DIFFERS["coroutines_given_to_wait"] = "a warning more for each coroutine that is refused"
if sys.version_info < (3, 12):
    STOCK_DIFFERS["generators"] = "TypeError: object generator can't be used in 'await' expression"

# For what the types of asyncio do not allow.
UNTYPED: Any = asyncio

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def scenario(since: tuple[int, int] = (3, 10)) -> Callable[[Scenario], Scenario]:
    """Registers a scenario for versions of Python from ``since`` on."""

    def register(function: Scenario) -> Scenario:
        if sys.version_info >= since:
            SCENARIOS.append(function)
        return function

    return register


async def value(result: Any = None, steps: int = 1) -> Any:
    for _ in range(steps):
        await asyncio.sleep(0)
    return result


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def outcome(awaitable: Any) -> Any:
    """The result, or the type and the arguments of the exception."""
    try:
        return await awaitable
    except BaseException as error:
        return type(error).__name__, error.args


@scenario()
async def results() -> Any:
    task = asyncio.create_task(value((1, 2)), name="named")
    return [
        await task,
        task.get_name(),
        await asyncio.ensure_future(value(StopIteration(1).value)),
        await asyncio.gather(value(1), value(2, steps=3), value(3)),
        await asyncio.wait_for(value("in time"), 60),
        await asyncio.wait_for(value("no limit"), None),
        sorted([await done for done in asyncio.as_completed([value(1), value(2)])]),
        await asyncio.to_thread(lambda number: number + 1, 41),
    ]


@scenario()
async def the_same_coroutine_twice_in_one_gather() -> Any:
    coroutine = value("once")
    return await asyncio.gather(coroutine, coroutine, value("other"))


@scenario()
async def exceptions() -> Any:
    error = KeyError("key")
    try:
        await asyncio.create_task(fail(error))
    except KeyError as raised:
        same = raised is error
    gathered = await asyncio.gather(fail(ValueError(1)), value(2), return_exceptions=True)
    return same, [repr(one) for one in gathered], await outcome(asyncio.gather(fail(OSError(3)), value(4)))


@scenario()
async def cancellation_keeps_its_message() -> Any:
    async def chained() -> None:
        await asyncio.create_task(forever())

    results = []
    for steps in range(3):
        task = asyncio.create_task(chained())
        await value(steps=steps)
        results.append(task.cancel("because"))
        results.append(await outcome(task))
        results.append(task.cancelled())
    return results


@scenario()
async def a_cancellation_that_is_caught() -> Any:
    async def stubborn() -> str:
        try:
            await forever()
        except asyncio.CancelledError as error:
            return f"caught {error.args}"
        raise AssertionError

    task = asyncio.create_task(stubborn())
    await value()
    task.cancel("please")
    return await task


@scenario()
async def timeouts() -> Any:
    return await outcome(asyncio.wait_for(forever(), 0.001)), await outcome(asyncio.wait_for(value("late"), 0))


@scenario((3, 11))
async def a_timeout_around_a_task() -> Any:
    try:
        async with asyncio.timeout(0.001):
            await asyncio.create_task(forever())
    except TimeoutError as error:
        return type(error.__cause__).__name__
    raise AssertionError


@scenario((3, 11))
async def a_failing_task_of_a_group() -> Any:
    cancelled = []

    async def sibling() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with asyncio.TaskGroup() as group:
        group.create_task(sibling(), name="sibling")
        group.create_task(fail(ValueError("one of the group")))
    return cancelled


@scenario((3, 11))
async def a_group_refuses_what_is_no_coroutine() -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    async with asyncio.TaskGroup() as group:
        untyped: Any = group
        return untyped.create_task(future)


@scenario()
async def create_task_refuses_what_is_no_coroutine() -> Any:
    return UNTYPED.create_task("text")


@scenario()
async def gather_refuses_what_cannot_be_awaited() -> Any:
    return UNTYPED.gather("text")


@scenario()
async def missing_arguments() -> Any:
    refusals = []
    for function in (UNTYPED.create_task, UNTYPED.wait_for, UNTYPED.to_thread, UNTYPED.ensure_future):
        try:
            function()
        except TypeError as error:
            refusals.append(str(error))
    return refusals, await asyncio.gather()


@scenario()
async def coroutines_given_to_wait() -> Any:
    done, pending = await UNTYPED.wait([value(1), value(2)])
    return sorted(task.result() for task in done), pending


@scenario()
async def coroutines_given_by_keyword() -> Any:
    coroutine = value(1)
    return await asyncio.create_task(coro=coroutine), await asyncio.wait_for(fut=value(2), timeout=60)


@scenario()
async def tasks_are_never_awaited() -> Any:
    _ = value("not awaited")
    del _
    asyncio.create_task(fail(ValueError("nobody looks"))).add_done_callback(lambda task: None)
    await value(steps=3)


@scenario()
async def a_future_whose_exception_nobody_retrieves() -> Any:
    future = asyncio.get_running_loop().create_future()
    assert asyncio.ensure_future(future) is future
    future.set_exception(ValueError("nobody looks"))
    await value(steps=3)
    del future


@scenario()
async def a_loop_that_ends_with_tasks_in_it() -> Any:
    asyncio.get_running_loop().notes = notes = []  # type: ignore[attr-defined]

    async def left_over() -> None:
        try:
            await forever()
        finally:
            notes.append("closed")

    task = asyncio.create_task(left_over())
    await value()
    return notes, task.done()


@scenario()
async def context_variables() -> Any:
    async def child() -> str:
        before = VARIABLE.get()
        VARIABLE.set("child")
        await asyncio.sleep(0)
        return f"{before} {VARIABLE.get()}"

    VARIABLE.set("parent")
    return await asyncio.create_task(child()), await asyncio.gather(child()), VARIABLE.get()


@scenario()
async def run_coroutine_threadsafe() -> Any:
    loop = asyncio.get_running_loop()

    def in_a_thread() -> list[Any]:
        results: list[Any] = [asyncio.run_coroutine_threadsafe(value("from a thread"), loop).result(60)]
        try:
            asyncio.run_coroutine_threadsafe(fail(KeyError("in the loop")), loop).result(60)
        except KeyError as error:
            results.append(error.args)
        return results

    return await asyncio.get_running_loop().run_in_executor(None, in_a_thread)


@scenario()
async def to_thread_raises() -> Any:
    def exits() -> None:
        raise ValueError("in the thread")

    VARIABLE.set("seen in the thread")
    return await asyncio.to_thread(VARIABLE.get), await outcome(asyncio.to_thread(exits))


@scenario()
async def nameless_coroutines() -> Any:
    async def numbers() -> Any:
        yield 1
        yield 2

    iterator = numbers()
    return await asyncio.create_task(anext(iterator)), await asyncio.gather(anext(iterator), anext(iterator, "over"))


@scenario()
async def steps_of_an_asynchronous_generator() -> Any:
    notes: list[str] = []

    async def numbers() -> Any:
        try:
            yield await value(1)
            yield 2
        except ValueError as error:
            notes.append(f"thrown {error}")
            raise
        finally:
            notes.append("closed")

    iterators = [numbers() for _ in range(4)]
    results = [await asyncio.wait_for(anext(iterator), 60) for iterator in iterators]
    results.append(await asyncio.ensure_future(iterators[0].aclose()))
    results.append(await outcome(asyncio.create_task(iterators[1].athrow(ValueError("x")))))
    results.append(await outcome(asyncio.gather(iterators[2].asend(None), iterators[3].athrow(OSError, OSError(1)))))
    results += [await one for one in asyncio.as_completed({numbers().asend(None)})]
    return results, notes


@scenario()
async def an_asynchronous_generator_that_another_task_closes() -> Any:
    async def numbers() -> Any:
        token = VARIABLE.set("inside")
        try:
            yield VARIABLE.get()
        finally:
            notes.append(await outcome(asyncio.create_task(value("closed"))))
            try:
                VARIABLE.reset(token)
            except ValueError:
                notes.append("another context")

    notes: list[Any] = []
    iterator = numbers()
    notes.append(await asyncio.create_task(anext(iterator)))
    await asyncio.create_task(iterator.aclose())
    dropped = numbers()
    notes.append(await anext(dropped))
    # The event loop closes it, in a task of its own.
    del dropped
    gc.collect()
    await value(steps=5)
    return notes


@scenario()
async def generators() -> Any:
    """Up to Python 3.11 asyncio takes those for coroutines."""

    def plain() -> Generator[Any, None, str]:
        yield
        return "plain"

    @types.coroutine
    def decorated() -> Generator[Any, None, str]:
        yield
        return "decorated"

    return await outcome(UNTYPED.ensure_future(decorated())), await outcome(UNTYPED.ensure_future(plain()))


@scenario((3, 12))
async def eager_tasks() -> Any:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    order: list[str] = []

    async def eager(name: str, steps: int) -> str:
        order.append(name)
        await value(steps=steps)
        return name

    tasks = [asyncio.create_task(eager(f"task {steps}", steps)) for steps in (0, 2)]
    order.append("created")
    return tasks[0].done(), await asyncio.gather(*tasks), order


@scenario((3, 13))
async def as_completed_asynchronously() -> Any:
    tasks = [asyncio.create_task(value(number)) for number in range(3)]
    return sorted([(tasks.index(task), await task) async for task in asyncio.as_completed(tasks)])  # type: ignore[attr-defined]


@scenario()
async def tasks_show_their_coroutine() -> Any:
    task = asyncio.create_task(forever(), name="shown")
    await value()
    shown = repr(task).partition(" wait_for=")[0].partition(" created at")[0]
    stack = [frame.f_code.co_name for frame in task.get_stack()]
    task.cancel()
    return shown, stack, await outcome(task)


@pytest.mark.parametrize(
    ("run", "debug"), [(asyncio.run, False), (asyncio.run, True), (uvloop.run, False)], ids=["", "debug", "uvloop"]
)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_application_sees_no_difference(
    scenario: Scenario, run: Callable[..., Any], debug: bool, instrumentor: AsyncioInstrumentor
) -> None:
    seen = []
    for instrumented in (True, False):
        if not instrumented:
            instrumentor.uninstrument()
        # One line for both: in debug mode the log shows where things were made.
        seen.append(observe(scenario, run, debug=debug))
    ours, bare = seen
    assert ours == bare


@pytest.mark.parametrize("name", sorted(STOCK_DIFFERS))
def test_the_comparison_can_fail(name: str, environment: pytest.MonkeyPatch) -> None:
    """The stock package changes what the application sees here, and that is seen."""
    scenario = next(scenario for scenario in SCENARIOS if scenario.__name__ == name)
    stock = StockInstrumentor()
    stock.instrument()
    try:
        instrumented = observe(scenario)
    finally:
        stock.uninstrument()
    assert instrumented != observe(scenario)
