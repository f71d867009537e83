"""The ``opentelemetry_distro`` entry point."""

from logging import getLogger
from os import environ
from sys import modules
from typing import Any

from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro

_logger = getLogger(__name__)


class OtelRsDistro(BaseDistro):  # type: ignore[misc]  # the base class is not typed
    """Loads instrumentors one by one; all configuration is the configurator's."""

    def _configure(self, **kwargs: Any) -> None:
        pass

    def load_instrumentor(self, entry_point: Any, **kwargs: Any) -> None:
        """Activates one instrumentor.

        The launcher gives up on all instrumentors that follow one which raises. What it handles itself (a library that
        is absent or too old) goes through; anything else costs only the instrumentor that failed.
        """
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except (ImportError, DependencyConflictError):
            raise
        except Exception:
            _logger.exception("Instrumenting %s failed; the other instrumentations are not affected", entry_point.name)


def report_lost_configuration() -> None:
    """Says how to choose this distribution when another configurator ran in its place.

    Called by the launcher after the configurators. Only someone who did not choose needs to be told: without
    ``opentelemetry-instrument`` (the Kubernetes operator, a ``sitecustomize`` of one's own) nothing sets the two
    variables, and the order of the installed packages decides.
    """
    configurator = modules.get("otel_rs_distro.configurator")
    if configurator is not None and configurator.OtelRsConfigurator.has_run:
        return
    if "OTEL_PYTHON_CONFIGURATOR" in environ or environ.get("OTEL_PYTHON_DISTRO", "otel_rs") != "otel_rs":
        return
    _logger.warning(
        "otel-rs-distro is installed, but another OpenTelemetry configurator was loaded first: the native SDK is not "
        "in use. Set OTEL_PYTHON_DISTRO=otel_rs and OTEL_PYTHON_CONFIGURATOR=otel_rs to use it."
    )
