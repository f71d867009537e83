"""Which exporters ``OTEL_TRACES_EXPORTER`` and ``OTEL_METRICS_EXPORTER`` ask for."""

from logging import getLogger
from os import environ

_logger = getLogger(__name__)

TRACES = "OTEL_TRACES_EXPORTER"
METRICS = "OTEL_METRICS_EXPORTER"
_LOGS = "OTEL_LOGS_EXPORTER"

_DEFAULT = "otlp"
_NONE = "none"
# What the stock packages accept, by the exporter that it means here.
_KNOWN = {"otlp": "otlp", "otlp_proto_http": "otlp", "otlp_proto_grpc": "otlp", "console": "console"}


def exporter_names(variable: str) -> list[str]:
    """The exporters that ``variable`` lists: ``otlp``, ``console``, both, or an empty list for ``none``.

    Unset or empty means ``otlp``. A name that is not known is replaced by ``otlp`` with a warning, so that a
    misspelling loses no telemetry.
    """
    listed = _listed(variable)
    if listed == [_NONE]:
        return []
    names = [_resolve(variable, name) for name in listed if name != _NONE]
    if len(names) < len(listed):
        _logger.warning("%s has 'none' beside other names; 'none' is ignored", variable)
    return list(dict.fromkeys(names)) or [_DEFAULT]


def report_logs_exporter() -> None:
    """Warns a user who asks for logs: the native SDK does not export them yet."""
    if any(name != _NONE for name in _listed(_LOGS)):
        _logger.warning(
            "%s is %.100r; logs are not supported yet and are not exported; traces and metrics are not affected",
            _LOGS,
            environ[_LOGS],
        )


def _listed(variable: str) -> list[str]:
    value = environ.get(variable, "")
    return [name for name in (part.strip().lower() for part in value.split(",")) if name]


def _resolve(variable: str, name: str) -> str:
    exporter = _KNOWN.get(name)
    if exporter is None:
        _logger.warning("%s is %.100r; expected otlp, console or none; using otlp", variable, name)
        return _DEFAULT
    if name == "otlp_proto_grpc":
        _logger.warning("%s is 'otlp_proto_grpc'; gRPC is not supported yet; using http/protobuf", variable)
    return exporter
