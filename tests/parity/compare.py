"""Differences between two records, as lines that say where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Every place where ``actual`` is not ``expected``."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted({*expected, *actual}):
            here = f"{path}.{key}" if path else str(key)
            if key not in actual:
                yield f"{here}: missing, expected {_short(expected[key])}"
            elif key not in expected:
                yield f"{here}: unexpected {_short(actual[key])}"
            else:
                yield from differences(expected[key], actual[key], here)
    elif isinstance(expected, list) and isinstance(actual, list):
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
        if len(expected) != len(actual):
            rest = expected[len(actual) :] or actual[len(expected) :]
            yield f"{path}: {len(expected)} expected, {len(actual)} there; first of the rest: {_short(rest[0])}"
    elif expected != actual or type(expected) is not type(actual):
        yield f"{path}: expected {_short(expected)}, is {_short(actual)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 400 else f"{text[:400]}… ({len(text)} characters)"
