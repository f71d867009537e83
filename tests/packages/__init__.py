"""Packages as people use them, in their newest versions, under the launcher with our distro: ``make test-packages``."""
