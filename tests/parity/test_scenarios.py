"""Every scenario on every stack, under every convention, is what stock makes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from parity.compare import differences
from parity.conftest import kept
from parity.deviations import unexplained
from parity.runs import Run, run
from parity.scenarios import all_scenarios


@pytest.fixture(scope="session")
def second_stock_run() -> Callable[[str], Run]:
    runs: dict[str, Run] = {}

    def second(convention: str) -> Run:
        if convention not in runs:
            runs[convention] = kept(run("stock", convention, *all_scenarios()))
        return runs[convention]

    return second


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", all_scenarios())
def test_scenario(
    scenario: str,
    stack: str,
    convention: str,
    run_scenarios: Callable[[str, str], Run],
    second_stock_run: Callable[[str], Run],
) -> None:
    expected = run_scenarios("stock", convention)[scenario]
    assert not any("the scenario failed" in str(note) for note in expected["notes"]), expected["notes"]
    actual = second_stock_run(convention) if stack == "stock" else run_scenarios(stack, convention)
    found = unexplained(scenario, stack, convention, differences(expected, actual[scenario]))
    assert not found, "\n".join(found)
