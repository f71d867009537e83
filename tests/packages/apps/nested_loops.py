"""Runs an event loop inside of a running one, as notebooks do."""

import asyncio

import nest_asyncio

nest_asyncio.apply()


async def work(number: int) -> int:
    await asyncio.sleep(0)
    return number


async def main() -> int:
    loop = asyncio.get_event_loop()
    first = loop.run_until_complete(asyncio.gather(work(1), work(2)))
    second = asyncio.run(inner())
    return sum(first) + second


async def inner() -> int:
    return sum(await asyncio.gather(asyncio.create_task(work(3)), work(4)))


print(asyncio.run(main()))
