"""OpenTelemetry distribution that configures the native SDK of otel-rs."""

from otel_rs_distro.version import __version__

__all__ = ["__version__"]
