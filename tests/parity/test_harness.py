"""The comparison itself: it is quiet about what is equal, and a fault planted anywhere is found."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from parity.compare import differences
from parity.deviations import unexplained
from parity.runs import Run, run
from support.otlp_receiver import ReceivedSpan

SCENARIO = "errors.raising_view"
WSGI_SCENARIO = "wsgi_middleware.errors"


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every leaf."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _paths(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in _paths(item, (*path, index))]
    return [path]


@pytest.mark.parametrize("scenario", [SCENARIO, WSGI_SCENARIO])
def test_a_fault_in_any_place_is_found(scenario: str, run_scenarios: Callable[[str, str], Run]) -> None:
    record = run_scenarios("stock", "both")[scenario]
    assert not list(differences(record, copy.deepcopy(record)))
    paths = _paths(record)
    assert len(paths) > 100
    for path in paths:
        broken = copy.deepcopy(record)
        parent = broken
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = ("planted", parent[path[-1]])
        found = list(differences(record, broken))
        assert len(found) == 1, path
        assert unexplained(scenario, "ours-native", "both", found) == found


@pytest.mark.parametrize("part", ["spans", "answers", "logs", "metrics"])
def test_a_missing_part_is_found(part: str, run_scenarios: Callable[[str, str], Run]) -> None:
    record = run_scenarios("stock", "both")[SCENARIO]
    broken = copy.deepcopy(record)
    broken[part].popitem() if isinstance(broken[part], dict) else broken[part].pop()
    assert list(differences(record, broken))


def test_a_value_of_another_type_is_found() -> None:
    assert list(differences({"a": 1}, {"a": True}))
    assert list(differences({"a": 1}, {"a": 1.0}))


@pytest.mark.parametrize(
    ("scenario", "name", "faulty", "places"),
    [
        ("responses.ok", "/user/<int:user_id>", "/user", [1, 2]),
        ("wsgi_middleware.captured_headers", "GET /", "GET", [0, 2]),
    ],
)
def test_a_fault_in_the_instrumentation_is_found(
    scenario: str,
    name: str,
    faulty: str,
    places: list[int],
    monkeypatch: pytest.MonkeyPatch,
    run_scenarios: Callable[[str, str], Run],
) -> None:
    """A span's name is changed where the receiver decodes it, as an instrumentation with that fault would send it."""
    expected = run_scenarios("stock", "old")[scenario]

    def faulty_name(span: ReceivedSpan) -> str:
        return str(span.message.name).replace(name, faulty)

    monkeypatch.setattr(ReceivedSpan, "name", property(faulty_name))
    found = list(differences(expected, run("stock", "old", scenario)[scenario]))
    assert [line.split(":")[0] for line in found] == [f"spans[{place}].name" for place in places]
