"""``OTEL_SDK_DISABLED``."""

from logging import getLogger
from os import environ

_VARIABLE = "OTEL_SDK_DISABLED"

_logger = getLogger("otel_rs_sdk")
_reported: set[str] = set()


def is_disabled() -> bool:
    """Whether providers that are made now record nothing.

    Nothing but ``true`` disables (OpenTelemetry specification, Boolean); another value is named in one line.
    """
    value = environ.get(_VARIABLE, "")
    known = value.strip().lower()
    if known not in ("", "true", "false") and value not in _reported:
        _reported.add(value)
        _logger.warning(
            "otel-rs: %s is %.100r; expected true or false; using false, the SDK stays enabled", _VARIABLE, value
        )
    return known == "true"
