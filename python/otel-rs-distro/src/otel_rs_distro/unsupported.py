"""Variables that the stock SDK knows and this one does not: a user who sets one is told, in a line each."""

from logging import getLogger
from os import environ

_logger = getLogger(__name__)

_DEFAULT_PROVIDERS = ("otel_rs", "default_tracer_provider", "default_meter_provider")
_SEMCONV = "OTEL_SEMCONV_STABILITY_OPT_IN"

# Variable: values that change nothing, and what happens instead. Remove a row when the SDK learns the variable.
_UNSUPPORTED: dict[str, tuple[tuple[str, ...], str]] = {
    "OTEL_CONFIG_FILE": ((), "the configuration is taken from the other OTEL_* variables"),
    "OTEL_PYTHON_TRACER_CONFIGURATOR": ((), "all tracers are enabled"),
    "OTEL_PYTHON_METER_CONFIGURATOR": ((), "all meters are enabled"),
    "OTEL_PYTHON_LOGGER_CONFIGURATOR": ((), "logs are not exported"),
    "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": (("false",), "logs are not exported"),
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": (("false",), "the SDK records no metrics about itself"),
    "OTEL_BSP_EXPORT_TIMEOUT": ((), "an export takes at most OTEL_EXPORTER_OTLP_TIMEOUT"),
    "OTEL_METRICS_EXEMPLAR_FILTER": (("always_off",), "metrics have no exemplars"),
    "OTEL_PYTHON_TRACER_PROVIDER": (_DEFAULT_PROVIDERS, "the native provider is set"),
    "OTEL_PYTHON_METER_PROVIDER": (_DEFAULT_PROVIDERS, "the native provider is set"),
}


def report_unsupported_variables() -> None:
    """Logs one warning for each variable that is set and has no effect."""
    for variable, (harmless, instead) in _UNSUPPORTED.items():
        value = environ.get(variable, "").strip()
        if value and value.lower() not in harmless:
            _logger.warning(
                "otel-rs: %s is %.100r, which is not supported yet and has no effect: %s", variable, value, instead
            )
    _report_unknown_conventions()


def _report_unknown_conventions() -> None:
    """Whether ``OTEL_SEMCONV_STABILITY_OPT_IN`` names something that no instrumentation asks for."""
    listed = [name for name in (part.strip() for part in environ.get(_SEMCONV, "").split(",")) if name]
    if not listed:
        return
    try:
        from opentelemetry.instrumentation._semconv import _StabilityMode
    except ImportError:
        # Not public: where it is gone, nothing is checked.
        return
    known = {mode.value for mode in _StabilityMode}
    unknown = [name for name in listed if name.lower() not in known]
    if unknown:
        _logger.warning(
            "otel-rs: %s is %.200r; expected http, http/dup or another of %s; using it without %.200r",
            _SEMCONV,
            environ[_SEMCONV],
            ", ".join(sorted(known - {"default", "http", "http/dup"})),
            ", ".join(unknown),
        )
