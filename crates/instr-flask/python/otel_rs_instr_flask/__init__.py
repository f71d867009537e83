"""OpenTelemetry instrumentation for Flask, compiled from Rust.

``FlaskInstrumentor`` takes the keyword arguments of the class of that name in
``opentelemetry-instrumentation-flask``: ``tracer_provider``, ``meter_provider``, ``request_hook``, ``response_hook``,
``excluded_urls``, ``enable_commenter`` and ``commenter_options``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from . import _interpreter, _native  # noqa: F401  # the first makes the second importable
from ._native import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from flask import Flask
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    RequestHook = Callable[[Span, dict[str, Any]], None]
    ResponseHook = Callable[[Span, str, list[tuple[str, str]]], None]

__all__ = ["FlaskInstrumentor"]


class FlaskInstrumentor(BaseInstrumentor):  # type: ignore[misc]  # the base class is not typed
    """Instruments every Flask application, those made before included."""

    _is_instrumented_by_opentelemetry = _native.INSTRUMENTED

    @staticmethod
    def instrument_app(
        app: Flask,
        request_hook: RequestHook | None = None,
        response_hook: ResponseHook | None = None,
        tracer_provider: TracerProvider | None = None,
        excluded_urls: str | None = None,
        enable_commenter: bool = True,
        commenter_options: dict[str, bool] | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        """Instruments one application; its options win over those of ``instrument()``."""
        _native.instrument_app(
            app,
            request_hook=request_hook,
            response_hook=response_hook,
            tracer_provider=tracer_provider,
            excluded_urls=excluded_urls,
            enable_commenter=enable_commenter,
            commenter_options=commenter_options,
            meter_provider=meter_provider,
        )

    @staticmethod
    def uninstrument_app(app: Flask) -> None:
        """Makes one application bare, also under a global ``instrument()``."""
        _native.uninstrument_app(app)

    def instrumentation_dependencies(self) -> Collection[str]:
        """Requirement specifiers of the distributions that this instruments."""
        return _native.INSTRUMENTS

    def _instrument(self, **kwargs: Any) -> None:
        _native.instrument(**kwargs)

    def _uninstrument(self, **kwargs: Any) -> None:
        _native.uninstrument()
