"""What a scenario works with, and the record of what it saw."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

import flask
from opentelemetry import trace

from parity import stacks
from parity.wsgi_client import Answer, Application, call, environ

Scenario = Callable[["Bench"], None]

# What the instrumentations and SDKs say in their logs is their own.
_TELEMETRY_LOGGERS = ("opentelemetry", "otel_rs")


class Bench:
    """One scenario on one stack: instrument, send requests, note what the application saw."""

    def __init__(self, stack: str, label: str) -> None:
        self.stack = stack
        self.answers: list[Answer] = []
        self.notes: list[Any] = []
        self.logs: list[list[str]] = []
        self._providers = None if stack == stacks.BARE else stacks.providers(stack, label)
        self._instrumentor = stacks.instrumentor(stack)
        self._variables: dict[str, str | None] = {}
        self._handler = _Recorder(self.logs)

    def __enter__(self) -> Bench:
        logging.getLogger().addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        if self._instrumentor is not None and self._instrumentor.is_instrumented_by_opentelemetry:
            self._instrumentor.uninstrument()
        stacks.forget_options(self.stack)
        for name, value in self._variables.items():
            _set_variable(name, value)
        if self._providers is not None:
            self._providers.shutdown()
        logging.getLogger().removeHandler(self._handler)

    def record(self) -> dict[str, Any]:
        """What is compared besides the telemetry."""
        return {"answers": self.answers, "notes": self.notes, "logs": self.logs}

    def set_variable(self, name: str, value: str) -> None:
        """Sets an environment variable for the rest of the scenario."""
        self._variables.setdefault(name, os.environ.get(name))
        _set_variable(name, value)

    def instrument(self, **options: Any) -> None:
        """``FlaskInstrumentor().instrument()`` with this scenario's providers."""
        if self._instrumentor is not None:
            self._instrumentor.instrument(**self._with_providers(options))

    def uninstrument(self) -> None:
        """``FlaskInstrumentor().uninstrument()``."""
        if self._instrumentor is not None:
            self._instrumentor.uninstrument()

    def instrument_app(self, app: flask.Flask, **options: Any) -> None:
        """``FlaskInstrumentor.instrument_app()`` with this scenario's providers."""
        if self._instrumentor is not None:
            self._instrumentor.instrument_app(app, **self._with_providers(options))

    def uninstrument_app(self, app: flask.Flask) -> None:
        """``FlaskInstrumentor.uninstrument_app()``."""
        if self._instrumentor is not None:
            self._instrumentor.uninstrument_app(app)

    def wrap(self, application: Application, **options: Any) -> Application:
        """``OpenTelemetryMiddleware`` around a WSGI application, with this scenario's providers."""
        middleware = stacks.middleware(self.stack)
        if middleware is None:
            return application
        wrapped: Application = middleware(application, **self._with_providers(options))
        return wrapped

    def export_metrics(self) -> None:
        """Exports the metrics as they are now."""
        if self._providers is not None:
            self._providers.meter_provider.force_flush()

    def tracer(self) -> trace.Tracer:
        """A tracer of the application's own."""
        if self._providers is None:
            return trace.NoOpTracer()
        tracer: trace.Tracer = self._providers.tracer_provider.get_tracer("application", "1.0")
        return tracer

    def request(
        self,
        application: Application,
        path: str = "/",
        method: str = "GET",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        **options: bool,
    ) -> Answer:
        """Sends a request and keeps the answer."""
        answer = call(application, environ(method, path, query, headers, overrides), **options)
        self.answers.append(answer)
        return answer

    def note(self, value: Any) -> None:
        """Keeps something the application saw, to be compared."""
        self.notes.append(value)

    def note_parentage(self) -> None:
        """Notes whether a recording span is current, and of which trace if that is a remote one."""
        span = trace.get_current_span()
        if self.stack != stacks.BARE:
            self.notes.append(["current span", span.is_recording(), type(span.get_span_context()).__name__])

    def _with_providers(self, options: dict[str, Any]) -> dict[str, Any]:
        assert self._providers is not None
        return {
            "tracer_provider": self._providers.tracer_provider,
            "meter_provider": self._providers.meter_provider,
            **options,
        }


class _Recorder(logging.Handler):
    def __init__(self, records: list[list[str]]) -> None:
        super().__init__(logging.WARNING)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(_TELEMETRY_LOGGERS):
            raised = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
            self._records.append([record.name, record.levelname, record.getMessage(), raised])


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
