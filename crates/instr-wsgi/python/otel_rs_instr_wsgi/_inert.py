"""In place of ``_native`` in an interpreter that cannot have it: nothing is instrumented."""

from typing import Any

__version__ = ""
INSTRUMENTS: list[str] = []
INSTRUMENTED = False


def instrument(**options: Any) -> None:
    """Does nothing."""


def uninstrument() -> None:
    """Does nothing."""


def panics() -> int:
    """None."""
    return 0


class OpenTelemetryMiddleware:
    """The application as it is."""

    def __init__(self, wsgi: Any, *arguments: Any, **options: Any) -> None:
        self.wsgi = wsgi

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.wsgi(environ, start_response)


class EnvironGetter:
    """Reads headers from a WSGI environ for propagators."""

    @staticmethod
    def get(carrier: dict[str, Any], key: str) -> list[Any] | None:
        """A list with the value of a header, or ``None``."""
        value = carrier.get("HTTP_" + key.upper().replace("-", "_"))
        return None if value is None else [value]

    @staticmethod
    def keys(carrier: dict[str, Any]) -> list[str]:
        """The names of all headers."""
        return [key[5:].lower().replace("_", "-") for key in carrier if key.startswith("HTTP_")]


def _no_attributes(*_: Any, **__: Any) -> dict[str, Any]:
    return {}


collect_request_attributes = _no_attributes
collect_custom_request_headers_attributes = _no_attributes
collect_custom_response_headers_attributes = _no_attributes


def add_response_attributes(*_: Any, **__: Any) -> None:
    """Does nothing."""


def get_default_span_name(environ: dict[str, Any]) -> str:
    """``{method} {path}``"""
    return f"{environ.get('REQUEST_METHOD', '')} {environ.get('PATH_INFO', '')}".strip()
