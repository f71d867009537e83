"""The checkout that the tests share."""

import pytest

from new_plugin.checkout import Checkout


@pytest.fixture(scope="package")
def checkout() -> Checkout:
    """A fresh copy of this checkout."""
    return Checkout()
