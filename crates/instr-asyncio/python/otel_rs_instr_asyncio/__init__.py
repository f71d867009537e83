"""OpenTelemetry instrumentation for asyncio, compiled from Rust.

``AsyncioInstrumentor`` takes the keyword arguments of the class of that name in
``opentelemetry-instrumentation-asyncio``: ``tracer_provider`` and ``meter_provider``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from . import _interpreter, _native  # noqa: F401  # the first makes the second importable
from ._native import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["AsyncioInstrumentor"]


class AsyncioInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base class is not typed
    """Measures what asyncio is given to run: coroutines, futures, and functions for threads."""

    _is_instrumented_by_opentelemetry = _native.INSTRUMENTED

    trace_coroutine = staticmethod(_native.trace_coroutine)
    trace_future = staticmethod(_native.trace_future)
    trace_item = staticmethod(_native.trace_item)
    trace_to_thread = wrap_to_thread_func = staticmethod(_native.wrap_to_thread_func)

    def instrumentation_dependencies(self) -> Collection[str]:
        """Requirement specifiers of the distributions that this instruments: none, asyncio comes with Python."""
        return _native.INSTRUMENTS

    def _instrument(self, **kwargs: Any) -> None:
        _native.instrument(**kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:
        _native.uninstrument()
