"""OpenTelemetry instrumentation for asgiref, compiled from Rust.

``AsgirefInstrumentor`` takes the keyword arguments of the class of that name in
``opentelemetry-instrumentation-asgiref``: ``tracer_provider`` and ``stacktrace_limit``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from . import _interpreter, _native  # noqa: F401  # the first makes the second importable
from ._native import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["AsgirefInstrumentor"]


class AsgirefInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base class is not typed
    """Instruments ``sync_to_async`` and ``async_to_sync``, also where they were imported before."""

    _is_instrumented_by_opentelemetry = _native.INSTRUMENTED

    def instrumentation_dependencies(self) -> Collection[str]:
        """Requirement specifiers of the distributions that this instruments."""
        return _native.INSTRUMENTS

    def _instrument(self, **kwargs: Any) -> None:
        _native.instrument(**kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:
        _native.uninstrument()
