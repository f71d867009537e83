"""One scenario without instrumentation and with it: what the application sees must be the same."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

Scenario = Callable[[], Awaitable[Any]]


def observe(scenario: Scenario, run: Callable[..., Any] = asyncio.run, *, debug: bool = False) -> dict[str, Any]:
    """What the scenario returned or raised, with the warnings and the lines of asyncio's log that it led to."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(_stable(record.getMessage()))

    logger, handler = logging.getLogger("asyncio"), Handler()
    logger.addHandler(handler)
    outcome: Any
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = run(_awaited(scenario), debug=debug)
        except BaseException as error:
            outcome = _exception(error)
        finally:
            logger.removeHandler(handler)
        gc.collect()
    return {
        "outcome": outcome,
        "log": lines,
        "warnings": sorted((warning.category.__name__, _stable(str(warning.message))) for warning in caught),
    }


async def _awaited(scenario: Scenario) -> Any:
    return await scenario()


def _exception(error: BaseException) -> Any:
    inner = [_exception(one) for one in getattr(error, "exceptions", ())]
    return type(error).__name__, _stable(str(error)), inner


def _stable(text: str) -> str:
    """Without the numbers that differ from run to run: addresses, task names, seconds."""
    return re.sub(r"0x[0-9a-f]+|Task-\d+|\d+\.\d+ seconds|took \d+\.\d+", "…", text)
