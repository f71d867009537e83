"""The shop, loaded in gunicorn's master: a span ends there before any worker is forked."""

from opentelemetry import trace

with trace.get_tracer("preloaded").start_as_current_span("startup"):
    from shop import app

__all__ = ["app"]
