"""Environments in which whole applications run."""

from collections.abc import Callable

import pytest

from support.environments import API, APPLICATION, NATIVE, PLUGIN, STOCK_FLASK, STOCK_SDK, Environment, environment

SETUPS = {
    # The same test on the stock packages shows that the test, and not the code under test, is right.
    "stock": (*APPLICATION, *STOCK_SDK, *STOCK_FLASK),
    "rust-on-stock-sdk": (*APPLICATION, *STOCK_SDK, *PLUGIN),
    "rust-native": (*APPLICATION, *NATIVE),
    "plugin-only": (*APPLICATION, *API, *PLUGIN),
    "bare": APPLICATION,
}


@pytest.fixture(scope="session")
def setup_environment() -> Callable[[str], Environment]:
    """The environment of a set-up, built at its first use."""
    return lambda name: environment(*SETUPS[name])


@pytest.fixture
def native(setup_environment: Callable[[str], Environment]) -> Environment:
    """Our SDK, distro and plugin with Flask and gunicorn; no stock SDK."""
    return setup_environment("rust-native")


@pytest.fixture
def bare(setup_environment: Callable[[str], Environment]) -> Environment:
    """Flask and gunicorn alone."""
    return setup_environment("bare")
