"""How the tests are shared out when several processes run them (``pytest -n 4``).

Each test may run in any process and beside any other, but for those of a group: they share what is made once in a
process and takes long to make, and run one after the other in one process. Groups that take long are started first.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

GROUPS = {
    # One copy of the checkout.
    r"^tests/new_plugin/": "new_plugin",
    # Runs of all stacks under one convention.
    r"^tests/parity/.*(\bold\b|test_the_requests_meet)": "parity, old",
    r"^tests/parity/.*\bstable\b": "parity, stable",
    r"^tests/parity/": "parity, both",
    r"^tests/beyond_stock/": "beyond_stock",
    # One environment.
    r"^tests/e2e/test_readme\.py": "readme",
}


def group(nodeid: str) -> str:
    """The group of a test; a test that belongs to none is one of its own."""
    return next((name for pattern, name in GROUPS.items() if re.search(pattern, nodeid)), nodeid)


def in_order_of_start(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests of groups first."""
    order = {name: number for number, name in enumerate(GROUPS.values())}
    return sorted(items, key=lambda item: order.get(group(item.nodeid), len(order)))


def encodable(value: Any) -> Any:
    """A report as data, with escapes for lone surrogates."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(encodable, value))
    return value
