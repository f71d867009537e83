"""OpenTelemetry instrumentation for WSGI, compiled from Rust.

The module offers what ``opentelemetry.instrumentation.wsgi`` offers, with the same arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.propagators.textmap import Getter

from . import _interpreter, _native  # noqa: F401  # the first makes the second importable
from ._native import (
    OpenTelemetryMiddleware,
    add_response_attributes,
    collect_custom_request_headers_attributes,
    collect_custom_response_headers_attributes,
    collect_request_attributes,
    get_default_span_name,
)
from ._native import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "OpenTelemetryMiddleware",
    "WSGIGetter",
    "WsgiInstrumentor",
    "add_response_attributes",
    "collect_custom_request_headers_attributes",
    "collect_custom_response_headers_attributes",
    "collect_request_attributes",
    "get_default_span_name",
    "wsgi_getter",
]


class WSGIGetter(Getter[dict[str, Any]]):
    """Reads headers from a WSGI environ for propagators."""

    def get(self, carrier: dict[str, Any], key: str) -> list[str] | None:
        """A list with the value of the header ``key``, or ``None``."""
        return _native.EnvironGetter.get(carrier, key)

    def keys(self, carrier: dict[str, Any]) -> list[str]:
        """The names of all headers, in lower case with dashes."""
        return _native.EnvironGetter.keys(carrier)


wsgi_getter = WSGIGetter()


class WsgiInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base class is not typed
    """Instruments the applications of WSGI servers."""

    _is_instrumented_by_opentelemetry = _native.INSTRUMENTED

    def instrumentation_dependencies(self) -> Collection[str]:
        """Requirement specifiers of the distributions that this instruments."""
        return _native.INSTRUMENTS

    def _instrument(self, **kwargs: Any) -> None:
        _native.instrument(**kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:
        _native.uninstrument()
