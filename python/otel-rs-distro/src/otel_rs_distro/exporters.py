"""Which exporters ``OTEL_TRACES_EXPORTER`` and ``OTEL_METRICS_EXPORTER`` ask for."""

from logging import getLogger
from os import environ

_logger = getLogger(__name__)

TRACES = "OTEL_TRACES_EXPORTER"
METRICS = "OTEL_METRICS_EXPORTER"
_LOGS = "OTEL_LOGS_EXPORTER"

_DEFAULT = "otlp"
_NONE = "none"
_GRPC = "otlp_proto_grpc"
# What the stock packages accept, by the exporter that it means here.
_KNOWN = {
    "otlp": "otlp",
    "otlp_proto_http": "otlp",
    _GRPC: "otlp",
    "console": "console",
    # The specification's former name of console.
    "logging": "console",
}
# Exporters of the specification that the native SDK has not.
_NOT_SERVED = ("jaeger", "otlp/stdout", "prometheus", "zipkin")
_GROUPS = {TRACES: "opentelemetry_traces_exporter", METRICS: "opentelemetry_metrics_exporter"}
_SIGNALS = {TRACES: "traces", METRICS: "metrics"}


def exporter_names(variable: str) -> list[str]:
    """The exporters that ``variable`` lists: ``otlp``, ``console``, both, or an empty list for ``none``.

    Unset or empty means ``otlp``. A name that nobody knows is replaced by ``otlp``, so that a misspelling loses no
    telemetry; one that stands for an exporter that the native SDK cannot serve is left out, since nobody expects the
    telemetry at an OTLP collector. Either has one line.
    """
    listed = _listed(variable)
    if not listed:
        return [_DEFAULT]
    names = [name for name in dict.fromkeys(listed) if name != _NONE]
    if names and _NONE in listed:
        _logger.warning(
            "otel-rs: %s is %.100r; expected none alone or the names of exporters; 'none' is ignored",
            variable,
            environ[variable],
        )
    misspelled = [name for name in names if name not in _KNOWN and not _is_other_exporter(variable, name)]
    not_served = [name for name in names if name not in _KNOWN and name not in misspelled]
    used = list(dict.fromkeys(_KNOWN.get(name, _DEFAULT) for name in names if name not in not_served))
    if misspelled:
        _logger.warning(
            "otel-rs: %s is %.100r; expected otlp, console or none; using otlp", variable, ",".join(misspelled)
        )
    if not_served:
        _report_not_served(variable, ",".join(not_served), used)
    if _GRPC in names:
        _logger.warning(
            "otel-rs: %s is %r; gRPC is not supported yet, expected otlp, console or none; using otlp over "
            "http/protobuf, usually on port 4318",
            variable,
            _GRPC,
        )
    return used


def report_logs_exporter() -> None:
    """Warns a user who asks for logs: the native SDK does not export them yet."""
    if any(name != _NONE for name in _listed(_LOGS)):
        _logger.warning(
            "otel-rs: %s is %.100r; logs are not supported yet, expected none; using none, traces and metrics are not "
            "affected",
            _LOGS,
            environ[_LOGS],
        )


def _listed(variable: str) -> list[str]:
    value = environ.get(variable, "")
    return [name for name in (part.strip().lower() for part in value.split(",")) if name]


def _is_other_exporter(variable: str, name: str) -> bool:
    """Whether a name stands for an exporter, of the specification or of a package, that is not ours."""
    if name in _NOT_SERVED:
        return True
    from importlib.metadata import entry_points

    return any(point.name.lower() == name for point in entry_points(group=_GROUPS[variable]))


def _report_not_served(variable: str, name: str, used: list[str]) -> None:
    _logger.warning(
        "otel-rs: %s is %.100r; the native SDK has no such exporter, expected otlp, console or none; using %s, %s; to "
        "use that exporter with the stock SDK set OTEL_PYTHON_DISTRO and OTEL_PYTHON_CONFIGURATOR to its names",
        variable,
        name,
        ", ".join(used) or _NONE,
        "without it" if used else f"{_SIGNALS[variable]} are not exported",
    )
