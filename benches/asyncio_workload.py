"""The process that is measured for asyncio: one task after the other, or ten coroutines gathered at a time.

Prints what ``workload.py`` prints, per task or per gathering.
"""

import argparse
import asyncio

from workload import measured


async def work(number: int) -> int:
    """Suspends once, as what waits for something does."""
    await asyncio.sleep(0)
    return number


async def create_tasks(count: int) -> None:
    """One after the other."""
    for number in range(count):
        if await asyncio.create_task(work(number)) != number:
            raise SystemExit(f"wrong result of task {number}")


async def gather(count: int) -> None:
    """Ten at a time."""
    expected = list(range(10))
    for number in range(count):
        if await asyncio.gather(*map(work, range(10))) != expected:
            raise SystemExit(f"wrong results of gathering {number}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--gather", action="store_true")
    options = parser.parse_args()

    drive = gather if options.gather else create_tasks
    measured(lambda count: asyncio.run(drive(count)), options.requests, options.warm_up)


if __name__ == "__main__":
    main()
