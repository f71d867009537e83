"""The stock packages' own test suites, run against ours.

The suites come from the source distributions on PyPI, in the pinned versions, and stay outside of the repository.
"""
