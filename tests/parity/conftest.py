"""The stacks' runs, each made once for the whole session."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache

import pytest

from parity.generator import PREFIX
from parity.runs import CONVENTIONS, Run, run
from parity.scenarios import all_scenarios
from parity.stacks import STACKS

SEED = 20261123
COUNT = 2750


@cache
def _scenarios(stack: str, convention: str) -> Run:
    return kept(run(stack, convention, *all_scenarios()))


@cache
def _generated(stack: str, convention: str) -> Run:
    return kept(run(stack, convention, f"{PREFIX}{SEED}:{COUNT}"))


def kept(made: Run) -> Run:
    """A run is large and stays: other tests' collections of garbage need not look through it."""
    gc.freeze()
    return made


@pytest.fixture(params=CONVENTIONS)
def convention(request: pytest.FixtureRequest) -> str:
    """The semantic conventions that are asked for."""
    return str(request.param)


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    """What is compared with stock. Stock with itself shows that the comparison is one."""
    return str(request.param)


@pytest.fixture(scope="session")
def run_scenarios() -> Callable[[str, str], Run]:
    """All scenarios on a stack, under a convention."""
    return _scenarios


@pytest.fixture(scope="session")
def run_generated() -> Callable[[str, str], Run]:
    """The generated requests on a stack, under a convention."""
    return _generated
