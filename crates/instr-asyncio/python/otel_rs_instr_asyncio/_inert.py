"""In place of ``_native`` in an interpreter that cannot have it: nothing is instrumented."""

from typing import Any

__version__ = ""
INSTRUMENTS: list[str] = []
INSTRUMENTED = False


def instrument(**options: Any) -> None:
    """Does nothing."""


def uninstrument() -> None:
    """Does nothing."""


def panics() -> int:
    """None."""
    return 0


def _as_it_is(given: Any) -> Any:
    return given


trace_coroutine = trace_future = trace_item = wrap_to_thread_func = _as_it_is


def get_coros_to_trace() -> set[str]:
    """None."""
    return set()


def get_future_trace_enabled() -> bool:
    """They are not."""
    return False


def get_to_thread_to_trace() -> set[str]:
    """None."""
    return set()
