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


def instrument_app(app: Any, **options: Any) -> None:
    """Does nothing."""


def uninstrument_app(app: Any) -> None:
    """Does nothing."""
