"""However coroutines and futures are handed over they are measured, and what hands them over stays as it is."""

from __future__ import annotations

import asyncio
import collections
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from opentelemetry.instrumentation.asyncio import AsyncioInstrumentor as StockInstrumentor
from otel_rs_instr_asyncio import AsyncioInstrumentor

from asyncio_plugin.measured import created
from support.telemetry import Telemetry

# For what the types of asyncio do not allow.
UNTYPED: Any = asyncio


class Bag:
    """Can be iterated, and counts how often it is."""

    def __init__(self, given: Any) -> None:
        self.given, self.iterations = list(given), 0

    def __iter__(self) -> Iterator[Any]:
        self.iterations += 1
        return iter(self.given)


class Sequence:
    """Can be iterated as before there were iterators."""

    def __init__(self, given: Any) -> None:
        self.given = list(given)

    def __getitem__(self, index: int) -> Any:
        return self.given[index]


KINDS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "set": set,
    "tuple": tuple,
    "frozenset": frozenset,
    "dict": dict.fromkeys,
    "keys": lambda given: dict.fromkeys(given).keys(),
    "deque": collections.deque,
    "iterator": iter,
    "filter": lambda given: filter(None, given),
    "iterable": Bag,
    "sequence": Sequence,
    "subclass": type("Jobs", (list,), {}),
}
if sys.version_info >= (3, 12):
    # Before that a generator is a coroutine to asyncio, which refuses it.
    KINDS["generator"] = lambda given: (one for one in given)


async def job(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def results(completed: Any) -> list[int]:
    return sorted([await one for one in completed])


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_can_be_iterated(kind: str, instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> None:
        assert await results(asyncio.as_completed(KINDS[kind]([job(1), job(2)]))) == [1, 2]
        assert await results(asyncio.as_completed(timeout=60, fs=KINDS[kind]([job(3), job(4)]))) == [3, 4]

    asyncio.run(main())
    assert created(telemetry) == {("coroutine", "job", "finished"): 4}


def by_create_task() -> Awaitable[Any]:
    return asyncio.create_task(coro=job(1), name="named")


def by_ensure_future() -> Awaitable[Any]:
    return asyncio.ensure_future(coro_or_future=job(1))


def by_wait_for() -> Awaitable[Any]:
    return asyncio.wait_for(timeout=60, fut=job(1))


async def by_run_coroutine_threadsafe() -> Any:
    loop = asyncio.get_running_loop()
    submit = asyncio.run_coroutine_threadsafe
    return await asyncio.wrap_future(await asyncio.to_thread(lambda: submit(loop=loop, coro=job(1))))


async def by_a_group() -> Any:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(coro=job(1))
    return task.result()


async def by_future() -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    return await asyncio.wait_for(fut=future, timeout=60)


async def by_wait() -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    done, pending = await asyncio.wait(fs={future}, timeout=60)
    assert (done, pending) == ({future}, set())
    return future.result()


@pytest.mark.parametrize(
    "way",
    [by_create_task, by_ensure_future, by_wait_for, by_run_coroutine_threadsafe, by_future, by_wait]
    + ([by_a_group] if sys.version_info >= (3, 11) else []),
)
def test_keywords(way: Callable[[], Awaitable[Any]], instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> Any:
        return await way()

    assert asyncio.run(main()) == 1
    counted = created(telemetry)
    counted.pop(("to_thread", "<lambda>", "finished"), None)
    assert list(counted.items()) == [
        (("future", "finished") if way in (by_future, by_wait) else ("coroutine", "job", "finished"), 1)
    ]


def test_a_list_by_position_is_as_stock_has_it(telemetry: Telemetry, environment: pytest.MonkeyPatch) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(2)]
        for future in futures:
            loop.call_soon(future.set_result, 3)
        task = asyncio.create_task(job(4))
        await asyncio.wait([*futures, task])
        return await results(asyncio.as_completed([job(1), job(2), *futures, task]))

    counts = []
    for kind in (StockInstrumentor, AsyncioInstrumentor):
        telemetry = Telemetry(native=telemetry.native)
        instrumentor = kind()
        instrumentor.instrument(**telemetry.providers)
        try:
            assert asyncio.run(main()) == [1, 2, 3, 3, 4]
        finally:
            instrumentor.uninstrument()
        counts.append((created(telemetry), sorted(span.name for span in telemetry.spans)))
    assert counts[0] == counts[1]
    assert counts[0][1] == ["asyncio future"] * 2


def test_one_coroutine_twice_is_one(instrumentor: AsyncioInstrumentor, telemetry: Telemetry) -> None:
    async def main() -> Any:
        seen = []
        for kind in (list, tuple, iter, Bag):
            one = job(1)
            seen.append(await results(asyncio.as_completed(kind([one, job(2), one]))))
        return seen

    assert asyncio.run(main()) == [[1, 2]] * 4
    assert created(telemetry) == {("coroutine", "job", "finished"): 8}


def test_what_the_application_handed_over_is_its_own(instrumentor: AsyncioInstrumentor) -> None:
    async def main() -> None:
        for kind in (list, set, tuple):
            given = kind([job(1), job(2)])
            before: list[Any] = list(given)
            await results(asyncio.as_completed(given))
            assert all(one is other for one, other in zip(given, before, strict=True))
        named: dict[str, Any] = {"fs": [job(1)], "timeout": 60}
        before = [named["fs"], named["fs"][0]]
        await results(UNTYPED.as_completed(**named))
        assert before == [named["fs"], named["fs"][0]]
        bag = Bag([job(1), job(2)])
        await results(asyncio.as_completed(bag))
        assert bag.iterations == 1

    asyncio.run(main())


def test_it_is_iterated_when_asyncio_does(instrumentor: AsyncioInstrumentor) -> None:
    """The first argument of `wait` is looked at when the coroutine runs; until then it may change."""

    async def main() -> Any:
        bag = Bag([])
        never_awaited = asyncio.wait(bag)
        never_awaited.close()
        assert bag.iterations == 0
        tasks = {asyncio.create_task(job(1))}
        waits = asyncio.wait(tasks)
        tasks.add(asyncio.create_task(job(2)))
        done, _ = await waits
        assert done == tasks
        jobs = [job(1), job(2)]
        all_completed = asyncio.as_completed(jobs)
        if sys.version_info < (3, 13):
            jobs.append(job(3))
        return await results(all_completed)

    assert asyncio.run(main()) == ([1, 2, 3] if sys.version_info < (3, 13) else [1, 2])


class Broken:
    """Raises when it is iterated, or while it is."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __iter__(self) -> Iterator[Any]:
        if not self.items:
            raise LookupError("cannot be iterated")
        return self.broken()

    def broken(self) -> Iterator[Any]:
        yield from self.items
        raise LookupError("no more")


class Ambiguous(Bag):
    """As an array, it is neither true nor false."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


REFUSED: dict[str, Callable[[], Any]] = {
    "number": lambda: 1,
    "nothing": lambda: None,
    "text": lambda: "text",
    "empty list": list,
    "empty bag": lambda: Bag([]),
    "empty iterator": lambda: iter(()),
    "broken": Broken,
    "breaks": lambda: Broken(asyncio.get_running_loop().create_future()),
    "ambiguous": lambda: Ambiguous([]),
    "future": lambda: asyncio.get_running_loop().create_future(),
    "task": lambda: asyncio.ensure_future(asyncio.sleep(0)),
    "numbers": lambda: [1, 2],
    "lists": lambda: [[]],
    "iterator of numbers": lambda: iter([1, 2]),
}


@pytest.mark.parametrize("function", ["wait", "as_completed"])
def test_what_is_refused_is_refused_as_ever(function: str, instrumentor: AsyncioInstrumentor) -> None:
    async def refusal(make: Callable[[], Any]) -> Any:
        try:
            called = getattr(UNTYPED, function)(make())
            return await called if function == "wait" else [await one for one in called]
        except Exception as error:
            return type(error), str(error)

    async def main() -> Any:
        return {name: await refusal(make) for name, make in REFUSED.items()}

    with_it = asyncio.run(main())
    instrumentor.uninstrument()
    assert with_it == asyncio.run(main())


def test_too_few_too_many_and_unknown_arguments(instrumentor: AsyncioInstrumentor) -> None:
    async def main() -> Any:
        refusals: list[Any] = []
        for name in ("create_task", "ensure_future", "wait_for", "as_completed", "to_thread"):
            for arguments, named in [((), {}), ((), {"unknown": 1}), ((1, 2, 3, 4), {}), ((), {"func": 1, "fs": 1})]:
                try:
                    await getattr(UNTYPED, name)(*arguments, **named)
                except Exception as error:
                    refusals.append((name, type(error), str(error)))
        coroutine = job(1)
        try:
            UNTYPED.create_task(coroutine, coro=coroutine)
        except TypeError as error:
            refusals.append(str(error))
        coroutine.close()
        return refusals

    with_it = asyncio.run(main())
    instrumentor.uninstrument()
    assert with_it == asyncio.run(main())
