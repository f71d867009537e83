"""The ``opentelemetry_distro`` entry point."""

from importlib.metadata import entry_points
from logging import DEBUG, getLogger
from os import environ
from sys import modules
from typing import Any

from opentelemetry.instrumentation import dependencies
from opentelemetry.instrumentation.distro import BaseDistro

from otel_rs_distro.choice import NAME, VARIABLES

_logger = getLogger(__name__)

# What the launcher handles itself: a library that is absent or too old. Before 0.53b0 there is no such error.
_EXPECTED = (ImportError, getattr(dependencies, "DependencyConflictError", ImportError))

_GROUPS = dict(zip(VARIABLES, ("opentelemetry_distro", "opentelemetry_configurator"), strict=True))
_WITHOUT = dict(
    zip(
        VARIABLES,
        ("using the launcher's own, without defaults", "no SDK is configured and nothing is recorded"),
        strict=True,
    )
)


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
        except _EXPECTED:
            raise
        except Exception as error:
            _logger.error(
                "otel-rs: instrumenting %s failed (%s: %.200s); the other instrumentations are not affected; "
                "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=%s leaves it out, level DEBUG of the logger %s shows where",
                entry_point.name,
                type(error).__name__,
                " ".join(str(error).split()),
                entry_point.name,
                __name__,
                exc_info=error if _logger.isEnabledFor(DEBUG) else None,
            )


def report_lost_configuration() -> None:
    """Says why this distribution is not in use, if the user did not choose another one.

    Called by the launcher after the configurators. Without ``opentelemetry-instrument`` (the Kubernetes operator, a
    ``sitecustomize`` of one's own) nothing sets the two variables, and the order of the installed packages decides.
    """
    _report_unknown_choices()
    configurator = modules.get("otel_rs_distro.configurator")
    if configurator is not None and configurator.OtelRsConfigurator.has_run:
        return
    if any(environ.get(variable, "").strip().lower() not in ("", NAME) for variable in VARIABLES):
        return
    _logger.warning(
        "otel-rs: otel-rs-distro is installed, but another OpenTelemetry configurator was loaded first: the native SDK "
        "is not in use. Set OTEL_PYTHON_DISTRO=otel_rs and OTEL_PYTHON_CONFIGURATOR=otel_rs to use it."
    )


def _report_unknown_choices() -> None:
    for variable in VARIABLES:
        value = environ.get(variable, "").strip()
        if value.lower() in ("", NAME):
            continue
        names = sorted({point.name for point in entry_points(group=_GROUPS[variable])})
        if value not in names:
            _logger.warning(
                "otel-rs: %s is %.100r; expected one that is installed: %s; %s",
                variable,
                value,
                ", ".join(names),
                _WITHOUT[variable],
            )
