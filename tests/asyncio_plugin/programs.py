"""Random programs of coroutines, futures, threads, cancellation and timeouts, as data and as something to run.

What a program does depends on nothing but itself: no outcome hangs on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from opentelemetry.trace import Tracer

# Those that begin with "traced" have spans.
NAMES = ("traced_one", "traced_two", "other")
ENDINGS: dict[str, Callable[[], BaseException] | None] = {
    "returns": None,
    "fails": lambda: ValueError("a failure"),
    "times out": lambda: asyncio.TimeoutError("a time-out"),
    "gives up": lambda: asyncio.CancelledError("given up"),
}


@dataclass(frozen=True)
class Work:
    """A coroutine that takes some steps, makes some calls one after the other, and ends."""

    name: str
    steps: int
    calls: tuple[Call, ...]
    ending: str
    in_span: bool


@dataclass(frozen=True)
class Call:
    """One use of a function of asyncio."""

    way: str
    works: tuple[Work, ...]
    ending: str
    """Of a future or of a function in a thread."""
    steps: int
    """Before a cancellation, or before a future is done."""


def programs() -> st.SearchStrategy[Work]:
    """Programs whose outermost coroutines may use threads: what a thread does cannot be cancelled at a known moment."""
    inner = st.recursive(_work(st.just(())), lambda works: _work(_calls(works, _WAYS)), max_leaves=8)
    return _work(_calls(inner, (*_WAYS, "to_thread")))


def _work(calls: st.SearchStrategy[tuple[Call, ...]]) -> st.SearchStrategy[Work]:
    return st.builds(
        Work,
        name=st.sampled_from(NAMES),
        steps=st.integers(0, 2),
        calls=calls,
        ending=st.sampled_from(sorted(ENDINGS)),
        in_span=st.booleans(),
    )


def _calls(works: st.SearchStrategy[Work], ways: tuple[str, ...]) -> st.SearchStrategy[tuple[Call, ...]]:
    call = st.builds(
        Call,
        way=st.sampled_from(ways),
        works=st.lists(works, max_size=3).map(tuple),
        ending=st.sampled_from(sorted(ENDINGS)),
        steps=st.integers(0, 2),
    )
    return st.lists(call, max_size=3).map(lambda calls: tuple(calls))


class Runner:
    """Runs programs, with a tracer for the application's own spans."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer

    def run(self, program: Work) -> Any:
        """What comes of a program, in values that can be compared."""
        return asyncio.run(self._outermost(program))

    async def _outermost(self, program: Work) -> Any:
        return await outcome(self.coroutine(program))

    def coroutine(self, work: Work) -> Any:
        """The coroutine of some work, with its name."""

        async def coroutine() -> list[Any]:
            for _ in range(work.steps):
                await asyncio.sleep(0)
            if work.in_span:
                with self.tracer.start_as_current_span("the application's"):
                    results = await self._calls(work)
            else:
                results = await self._calls(work)
            end(work.ending)
            return results

        coroutine.__name__ = work.name
        return coroutine()

    async def _calls(self, work: Work) -> list[Any]:
        return [await outcome(WAYS[call.way](self, call)) for call in work.calls]

    def coroutines(self, call: Call) -> list[Any]:
        """The coroutines of a call."""
        return [self.coroutine(work) for work in call.works]


async def outcome(awaitable: Awaitable[Any]) -> Any:
    """The result, or the type of the exception, its arguments, and those of the exceptions in it."""
    try:
        return await awaitable
    except (Exception, asyncio.CancelledError) as error:
        return _described(error)


def _described(value: Any) -> Any:
    if not isinstance(value, BaseException):
        return value
    return type(value).__name__, str(value), [_described(inner) for inner in getattr(value, "exceptions", ())]


def end(ending: str) -> None:
    """Returns, or raises what the ending says."""
    make = ENDINGS[ending]
    if make is not None:
        raise make()


async def create_task(runner: Runner, call: Call) -> Any:
    """All of them at once, awaited in turn."""
    tasks = [asyncio.create_task(coroutine) for coroutine in runner.coroutines(call)]
    return [await outcome(task) for task in tasks]


async def ensure_future(runner: Runner, call: Call) -> Any:
    """As above."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in runner.coroutines(call)]
    return [await outcome(task) for task in tasks]


async def wait_for(runner: Runner, call: Call) -> Any:
    """Without end, or for longer than any of it takes."""
    timeout = None if call.steps == 0 else 60
    return [await outcome(asyncio.wait_for(coroutine, timeout)) for coroutine in runner.coroutines(call)]


async def expire(runner: Runner, call: Call) -> Any:
    """Something that never ends, until it is too late."""

    async def forever() -> None:
        await asyncio.gather(*runner.coroutines(call), return_exceptions=True)
        await asyncio.get_running_loop().create_future()

    return await outcome(asyncio.wait_for(forever(), 0.001 if not call.works else 0))


async def gather(runner: Runner, call: Call) -> Any:
    """All of them, and a future."""
    results = await asyncio.gather(*runner.coroutines(call), future(call), return_exceptions=True)
    return [_described(result) for result in results]


async def wait(runner: Runner, call: Call) -> Any:
    """Until the first raises, or all are done."""
    tasks = [asyncio.create_task(coroutine) for coroutine in runner.coroutines(call)]
    done, pending = await asyncio.wait([*tasks, future(call)], return_when=asyncio.FIRST_EXCEPTION)
    results = [await outcome(task) for task in tasks]
    return len(done), len(pending), results


async def as_completed(runner: Runner, call: Call) -> Any:
    """In the order in which they end."""
    if not call.works:
        return []
    return [await outcome(done) for done in asyncio.as_completed([runner.coroutine(call.works[0])])]


async def cancel(runner: Runner, call: Call) -> Any:
    """Each after some steps, perhaps before it starts."""
    tasks = [asyncio.create_task(coroutine) for coroutine in runner.coroutines(call)]
    for _ in range(call.steps):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel("enough")
    return [await outcome(task) for task in tasks]


async def ensured_future(runner: Runner, call: Call) -> Any:
    """One future, passed on twice."""
    awaited = future(call)
    return [await outcome(asyncio.ensure_future(awaited)), await outcome(asyncio.wait_for(awaited, 60))]


async def task_group(runner: Runner, call: Call) -> Any:
    """The first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(coroutine) for coroutine in runner.coroutines(call)]
    return [await outcome(task) for task in tasks]


async def to_thread(runner: Runner, call: Call) -> Any:
    """A function, not a coroutine."""

    def function(ending: str) -> str:
        end(ending)
        return "from the thread"

    function.__name__ = NAMES[call.steps]
    return await outcome(asyncio.to_thread(function, call.ending))


def future(call: Call) -> asyncio.Future[str]:
    """A future that is done after some steps."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def finish(steps: int) -> None:
        if steps:
            loop.call_soon(finish, steps - 1)
        elif not future.done():
            make = ENDINGS[call.ending]
            error = None if make is None else make()
            if error is None:
                future.set_result("from the future")
            elif isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)

    finish(call.steps)
    return future


WAYS: dict[str, Callable[[Runner, Call], Awaitable[Any]]] = {
    function.__name__: function
    for function in (
        create_task,
        ensure_future,
        wait_for,
        expire,
        gather,
        wait,
        as_completed,
        cancel,
        ensured_future,
        task_group,
        to_thread,
    )
}
_WAYS = tuple(name for name in WAYS if name != "to_thread" and (name != "task_group" or sys.version_info >= (3, 11)))
