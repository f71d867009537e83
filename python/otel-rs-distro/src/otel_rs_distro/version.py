"""The version of this distribution; reading it here spares the process an ``importlib.metadata`` look-up."""

__version__ = "0.1.0"
