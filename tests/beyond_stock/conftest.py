"""Runs all scenarios of a stack in one process, once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from beyond_stock import flask_scenarios, wsgi_scenarios
from beyond_stock.outcome import Outcome, Run
from parity.runs import WorkerFailure, work
from parity.stacks import STACKS
from support.otlp_receiver import OtlpReceiver


def _jobs(module: ModuleType) -> list[str]:
    return [
        _job(function)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]


def _job(scenario: Any) -> str:
    return f"{scenario.__module__}:{scenario.__name__}"


@cache
def _outcomes(stack: str) -> dict[str, Outcome]:
    jobs = _jobs(flask_scenarios) + _jobs(wsgi_scenarios)
    with OtlpReceiver() as receiver:
        records, _ = work(receiver, stack, "old", *jobs)
        return {job: Outcome.of(job, records[job], receiver) for job in jobs}


@pytest.fixture(scope="session")
def outcomes() -> Callable[[str], dict[str, Outcome]]:
    """What came of all scenarios on a stack."""
    return _outcomes


def pytest_configure(config: pytest.Config) -> None:
    """Registers the mark."""
    config.addinivalue_line("markers", "stock_fails(reason): what the stock package does instead")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that runs scenarios does so on all stacks, and says by its mark why stock fails it."""
    if "stack" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("stock_fails")
    assert mark is not None, f"{metafunc.definition.name} does not say what stock does"
    failure = pytest.mark.xfail(reason=mark.args[0], strict=True, raises=AssertionError)
    metafunc.parametrize(
        "stack", [pytest.param(stack, marks=[failure] if stack == "stock" else []) for stack in STACKS]
    )


@pytest.fixture
def run(stack: str, outcomes: Callable[[str], dict[str, Outcome]]) -> Run:
    """What came of a scenario on the test's stack."""

    def run(scenario: Any) -> Outcome:
        outcome = outcomes(stack)[_job(scenario)]
        failures = [note for note in outcome.notes if "the scenario failed" in str(note)]
        if failures:
            raise WorkerFailure("\n".join(failures))
        return outcome

    return run
